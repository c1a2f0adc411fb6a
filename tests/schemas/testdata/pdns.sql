-- A zone with records, metadata and keys; then what the schema refuses, and what goes with a zone.
insert into domains (name, type, account) values ('example.com', 'NATIVE', 'a'), ('example.org', 'SLAVE', 'b') returning id, name;
insert into domains (name, type) values ('Example.net', 'NATIVE');
insert into domains (name, type) values ('example.com', 'MASTER');
insert into domains (name) values ('example.net');
insert into records (domain_id, name, type, content, ttl, prio)
  select d.id, h || '.' || d.name, 'A', '192.0.2.' || n, 3600, 0
  from domains d, (values ('www', 1), ('mail', 2), ('ns1', 3)) v (h, n) order by d.id, n;
insert into records (domain_id, name, type, content, ttl, prio) values (1, 'example.com', 'SOA', 'ns1.example.com. hostmaster.example.com. 1 3600 900 604800 300', 86400, null);
insert into records (domain_id, name, type) values (99, 'x', 'A');
insert into records (domain_id, name, type) values (1, 'X', 'A');
insert into records (domain_id, name, type, content) values (1, 'a', 'MUCHTOOLONGTYPE', 'b');
insert into supermasters values ('192.0.2.1', 'ns1.example.com', 'a'), ('2001:db8::1', 'ns1.example.com', 'a'), ('192.0.2.0/24', 'ns2.example.com', 'b');
insert into supermasters values ('192.0.2.1/32', 'ns1.example.com', 'again');
insert into supermasters values ('192.0.2.1.5', 'ns1.example.com', 'a');
select * from supermasters order by ip, nameserver;
select account from supermasters where ip = '2001:db8::1' and nameserver = 'ns1.example.com';
select ip from supermasters where ip >>= '192.0.2.7' order by ip;
insert into comments (domain_id, name, type, modified_at, comment) values (1, 'www.example.com', 'A', 1700000000, 'first'), (2, 'www.example.org', 'A', 1700000001, 'second') returning id;
insert into comments (domain_id, name, type, modified_at, comment) values (null, 'x', 'A', 1, 'c');
insert into domainmetadata (domain_id, kind, content) values (1, 'SOA-EDIT', 'INCEPTION-INCREMENT'), (1, 'NSEC3PARAM', '1 0 1 ab'), (2, 'PRESIGNED', '1');
insert into cryptokeys (domain_id, flags, active, content) values (1, 257, true, 'key'), (1, 256, false, 'key'), (2, 257, null, 'key');
insert into tsigkeys (name, algorithm, secret) values ('k', 'hmac-sha256', 's'), ('k', 'hmac-md5', 's');
insert into tsigkeys (name, algorithm, secret) values ('k', 'hmac-md5', 't');
insert into tsigkeys (name, algorithm, secret) values ('K', 'hmac-sha512', 't');
-- PowerDNS's own queries
select content, ttl, prio, type, domain_id, disabled::int, name, auth::int from records where disabled = false and type = 'A' and name = 'www.example.com';
select content, ttl, prio, type, domain_id, disabled::int, name, auth::int from records where disabled = false and name = 'www.example.com' and domain_id = 1;
select id, name, master, last_check, notified_serial, type, account from domains where name = 'example.com';
select domains.id, domains.name, records.content, domains.type, domains.master, domains.notified_serial, domains.last_check, domains.account from domains left join records on records.domain_id = domains.id and records.type = 'SOA' and records.name = domains.name order by domains.id;
select kind, content from domains, domainmetadata where domainmetadata.domain_id = domains.id and name = 'example.com' order by kind;
select cryptokeys.id, flags, active, published, content from domains, cryptokeys where cryptokeys.domain_id = domains.id and name = 'example.com' order by 1;
update records set ordername = 'www', auth = true where domain_id = 1 and name = 'www.example.com' and disabled = false;
select min(ordername) from records where ordername is not null and domain_id = 1 and disabled = false;
delete from records where domain_id = 1 and name = 'mail.example.com' and type = 'A';
update domains set id = 100 where name = 'example.com';
-- a zone goes, with all that is of it
begin;
delete from domains where name = 'example.com';
select (select count(*) from records), (select count(*) from comments), (select count(*) from domainmetadata), (select count(*) from cryptokeys);
rollback;
select (select count(*) from records), (select count(*) from comments), (select count(*) from domainmetadata), (select count(*) from cryptokeys);
delete from domains where name = 'example.com';
select id, domain_id, name, type, content, ttl, prio, disabled, ordername, auth from records order by id;
select * from comments order by id;
select * from domainmetadata order by id;
select * from cryptokeys order by id;
truncate domains;
truncate domains cascade;
select count(*) from records;
