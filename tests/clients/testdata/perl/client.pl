use strict; use DBI;
my $dbh = DBI->connect("dbi:Pg:dbname=postgres;host=127.0.0.1;port=$ENV{PGPORT}", 'postgres', '', {RaiseError=>0, PrintError=>0, AutoCommit=>1});
print "$DBI::errstr\n" unless $dbh;
$dbh->do("set client_min_messages=warning"); $dbh->do("drop table if exists perl_c, perl_t"); 
$dbh->do("create table perl_t(id serial primary key, n text unique, v numeric(8,2) default 1.5, a int[], b bytea, t timestamptz, j jsonb)");
$dbh->do("create table perl_c(t int references perl_t on delete cascade, x text)");
my $sth = $dbh->prepare("insert into perl_t(n,v,a,b,j) values (?,?,?,?,?) returning id, n");
$sth->bind_param(4, undef, {pg_type=>17});
for my $i (1..5) { $sth->execute("n$i", $i/2, [1,$i], "\0\xff$i", '{"a":'.$i.'}'); print join("|", $sth->fetchrow_array), "\n"; }
print join(",", map { defined $_ ? $_ : 'undef' } @{$dbh->selectrow_arrayref("select id,n,v,a::text,b,j from perl_t where id=2")}), "\n";
print ref($dbh->selectrow_arrayref("select a from perl_t where id=2")->[0]), "\n";
$dbh->begin_work; $dbh->pg_savepoint("s"); $dbh->do("insert into perl_t(n) values ('n1')"); print $dbh->state, " ", $dbh->errstr, "\n"; $dbh->pg_rollback_to("s"); $dbh->do("insert into perl_t(n) values ('kept')"); $dbh->commit;
for my $t ('perl_t','perl_c') {
  my $c = $dbh->column_info(undef, 'public', $t, '%'); while (my $r = $c->fetchrow_hashref) { print join("|", map { $_.'='.(defined $r->{$_} ? $r->{$_} : '') } grep { !/TABLE_CAT/ } sort keys %$r), "\n"; }
  print join(",", $dbh->primary_key(undef,'public',$t)), "\n";
  my $s = $dbh->statistics_info(undef,'public',$t,0,0); my @s; while ($s and my $r = $s->fetchrow_hashref) { push @s, join("|", map { $_.'='.(defined $r->{$_} ? $r->{$_} : '') } grep { !/TABLE_CAT|CARDINALITY|PAGES/ } sort keys %$r); } print join("\n", sort @s), "\n";
}
my $f = $dbh->foreign_key_info(undef,undef,undef,undef,undef,'perl_c'); while ($f and my $r = $f->fetchrow_hashref) { print join("|", map { $_.'='.(defined $r->{$_} ? $r->{$_} : '') } sort keys %$r), "\n"; }
print join(",", sort grep {/perl/} $dbh->tables(undef,'public','perl%','TABLE')), "\n";
print $dbh->last_insert_id(undef,'public','perl_t',undef), "\n";
$dbh->do("copy perl_c(t,x) from stdin"); $dbh->pg_putcopydata("1\tone\n"); $dbh->pg_putcopydata("2\ttwo\n"); $dbh->pg_putcopyend; $dbh->do("copy (select * from perl_c order by 1) to stdout"); my $l; while ($dbh->pg_getcopydata($l) >= 0) { print $l; }
$dbh->do("delete from perl_t where id=1"); print $dbh->selectrow_array("select count(*) from perl_c"), "\n";
$dbh->do("insert into perl_c values (99,'x')"); print $dbh->state, " ", $dbh->errstr, "\n";
print $dbh->{pg_server_version}, " ", $dbh->ping, " ", $dbh->quote_identifier('a"b'), "\n"; my $p = $dbh->prepare("select ?::int + 1"); for (1..5) { $p->execute($_); print $p->fetchrow_array; } print "\n"; print $dbh->do("update perl_t set v=v+1"), "\n"; $dbh->do("listen c"); $dbh->do("notify c, 'x'"); my $n = $dbh->pg_notifies; print $n ? "$n->[0] $n->[2]" : 'none', "\n";
$dbh->do("drop table perl_c, perl_t");
