-- sequences: \d, reading them as tables, defaults of NULL, bounds against the current value
create sequence s1 start 5 increment 2 maxvalue 100 cycle;
select nextval('s1'), nextval('s1');
\d s1
create table ser (id serial primary key, g int generated always as identity, "Col A" int unique, x text default null, y varchar(3) default null, z numeric(5,2) default null, c char(4) default null, t timestamp(3) default null);
\d ser_id_seq
\d ser_g_seq
\d ser
alter table ser alter y set default null, alter y drop default, alter z set default 1.5, alter x set default null;
\d ser
select last_value, is_called from ser_id_seq;
select s.last_value, s1.is_called from s1 s, s1;
select sum(last_value) from s1 where is_called;
update s1 set last_value = 3;
insert into s1 values (1);
delete from s1;
create view sv as select last_value from s1;
select * from sv;
drop sequence s1;
alter sequence s1 maxvalue 6;
alter sequence s1 minvalue 8;
alter sequence s1 minvalue 8 start 10;
alter sequence s1 maxvalue 6 minvalue 1 restart with 2;
select nextval('s1');
alter sequence s1 maxvalue 3 start 1 increment -1;
select nextval('s1');
select nextval('s1');
alter sequence s1 minvalue 2 maxvalue 3;
select nextval('s1');
insert into ser ("Col A") values (1);
insert into ser ("Col A") values (1);
