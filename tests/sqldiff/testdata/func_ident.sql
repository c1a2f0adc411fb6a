-- parse_ident, send functions.
select parse_ident('Schemax.Tabley'), parse_ident('"SchemaX"."TableY"'), parse_ident('foo.boo[]', false), parse_ident(' first . "  second  " ."   third   ". "  ' || repeat('x', 66) || '"'), parse_ident('"a""b".c$1._x.É');
select parse_ident('foo.boo[]');
select parse_ident('foo.boo[]', strict => true);
select parse_ident(' ');
select parse_ident(' .aaa');
select parse_ident(' aaa . ');
select parse_ident('aaa.a%b');
select parse_ident('"');
select parse_ident('a."x');
select parse_ident('a."".b');
select parse_ident('1a');
select parse_ident('');
select parse_ident(null);
select parse_ident(E'"c".X XXXX\002XXXXXX');
select float4send(1.5), float8send(-0.1), int4send(7), int8send(-1), int2send(3), boolsend(true), textsend('aé'), numeric_send(12.50), timestamptz_send('2020-01-01 00:00+00'), date_send('2020-01-01'), uuid_send('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
select interval_send('1 mon 2 days'), inet_send('10.0.0.0/8'), timetz_send('10:00-03:30'), cash_send('1.5'), bit_send(B'101'), varbit_send(B'1010101011'), jsonb_send('[1]'), pg_lsn_send('1/2');
set timezone = 'America/New_York';
select timestamptz(date '2020-07-01', time '10:00'), timestamptz(date '2020-01-01', time '10:00');
