-- Values at the ends of their ranges, the one time of a transaction, and rows that an outer join made up.
create table o1(a int, b int); create table o2(a int, b int);
insert into o1 values (1,1),(2,2),(3,null); insert into o2 values (1,null),(null,null);
select count(o2.*), count(*) from o1 left join o2 on o1.a=o2.a;
select o1, o2, o2 is null, o2 is not distinct from null from o1 left join o2 on o1.a=o2.a order by o1.a;
select count(o1.*), count(o2.*) from o1 full join o2 on o1.a=o2.a;
select o2.b, count(o2) from o1 left join o2 using (a) group by o2.b;
begin; select 'now'::timestamp = now()::timestamp, 'now'::timestamptz=now(), 'today'::date = now()::date; select pg_sleep(0.02); select 'now'::timestamp = now()::timestamp, timestamp 'now' = localtimestamp; commit;
create table tn(d timestamptz default 'now'::timestamptz);
prepare p as select now() = 'now'; execute p;
SELECT date_part('epoch', '294270-01-01 00:00:00+00'::timestamptz), extract(epoch from '294270-01-01 00:00:00+00'::timestamptz), extract(epoch from '4713-01-01 00:00:00+00 BC'::timestamptz),extract(epoch from interval '1000000000 days'), extract(epoch from interval '-1000000000 days 1.5s'), extract(epoch from date '5874897-12-31'), extract(epoch from date '1000-12-31'), extract(epoch from interval '1 month 1.25s'), extract(epoch from timestamp '2020-01-01 1:2:3.456789');
SELECT round(4.4e131071, -131071) = 4e131071, round(4.5e131071, -131072), round(5.5e131071, -131073),round(5.5e131071, -1000000), round(5e-16383, 1000000) = 5e-16383, round(5e-16383, 16382) = 1e-16382, trunc(9.9e131071, -131071) = 9e131071, trunc(9.9e131071, -131072),trunc(5e-16383, 16383) = 5e-16383, round(1.5,-1), round(1.5, 3), trunc(-155.5,-2), round(55.5,-2), length(round(0, 2000)::text), length(round(0, 20000)::text), length(trunc(1.5, 3000)::text);
SELECT round(5.5e131071, -131072);
select '\101'::"char", '\377'::"char", '\3777'::"char", '\1'::"char"::int, 'é'::"char", 'é'::text::"char", ('\300'::"char")::text, '\101'::text::"char", cast('\101'::"char" as varchar), array['\301'::"char"];
