-- ALTER ROLE ALL SET: settings with which all sessions begin.
alter role all set work_mem = '5MB';
alter role all set test.everyone = 'yes';
alter role all set nonsense = 1;
alter role all set work_mem = 'much';
select setdatabase, setrole, setconfig from pg_db_role_setting where setdatabase = 0 and setrole = 0;
show work_mem;
create role for_all_reader login;
alter role for_all_reader set work_mem = '6MB';
select current_user as me \gset
\c - for_all_reader
show work_mem;
show test.everyone;
alter role all set work_mem = '7MB';
alter role all reset all;
\c - :me
show work_mem;
select source, setting from pg_settings where name = 'work_mem';
reset work_mem;
show work_mem;
alter role all reset test.everyone;
select setconfig from pg_db_role_setting where setdatabase = 0 and setrole = 0;
alter role all reset all;
select count(*) from pg_db_role_setting where setdatabase = 0 and setrole = 0;
\c
show work_mem;
drop role for_all_reader;
