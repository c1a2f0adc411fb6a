-- A backup's catalog: names and paths once each, files by job, and the queries that restore asks.
select jobstatus, jobstatuslong, severity from status order by jobstatus;
select versionid from version;
insert into client (name, uname) values ('web-fd', 'Linux'), ('db-fd', 'Linux') returning clientid, name, autoprune;
insert into client (name, uname) values ('web-fd', 'again');
insert into pool (name, pooltype, labelformat) values ('Full', 'Backup', 'Vol-'), ('Full', 'Backup', '*');
insert into pool (name, pooltype, labelformat) values ('Full', 'Backup', 'Vol-') returning poolid, numvols, usecatalog;
insert into media (volumename, mediatype, poolid) select 'Vol-' || to_char(g, 'FM0000'), 'File', 1 from generate_series(1, 3) g returning mediaid, volumename, volstatus, volbytes;
insert into media (volumename, mediatype, volstatus) values ('Vol-0004', 'File', 'Lost');
insert into filename (name) select 'file' || g from generate_series(1, 30) g;
insert into filename (name) values ('file7');
insert into path (path) values ('/etc/'), ('/srv/'), ('/srv/www/'), ('/srv_x/');
insert into job (job, name, type, level, clientid, jobstatus, schedtime, starttime, endtime, jobtdate) select 'web.' || g, 'web', 'B', case g when 1 then 'F' else 'I' end, 1, case g when 4 then 'f' else 'T' end, ts, ts, ts + interval '90 seconds', extract(epoch from ts) from (select g, timestamp '2024-03-01' + g * interval '1 day' as ts from generate_series(1, 4) g) x returning jobid, job, jobbytes;
create temporary table batch (fileindex int, jobid int, path varchar, name varchar, lstat varchar, md5 varchar, deltaseq smallint);
copy batch from stdin;
1	1	/etc/	hosts	gB A	md5a	0
2	1	/srv/www/	file1	gB B	md5b	0
3	1	/srv/www/new/	file2	gB C	md5c	0
1	2	/srv/www/	file1	gB D	md5d	0
0	3	/etc/	hosts	gB E	0	0
\.
begin;
lock table path in share row exclusive mode;
insert into path (path) select a.path from (select distinct path from batch) as a where not exists (select path from path where path = a.path) order by 1;
commit;
insert into filename (name) select distinct a.name from batch a where not exists (select 1 from filename f where f.name = a.name);
insert into file (fileindex, jobid, pathid, filenameid, lstat, md5, deltaseq) select b.fileindex, b.jobid, p.pathid, f.filenameid, b.lstat, b.md5, b.deltaseq from batch b join path p on b.path = p.path join filename f on b.name = f.name order by b.jobid, b.fileindex;
drop table batch;
select p.path || f.name, l.jobid, l.lstat from file l join path p using (pathid) join filename f using (filenameid) where l.jobid in (1, 2, 3) order by 1, 2;
-- the latest version of each file, without those that were deleted since
select t.path, t.name, t.jobid, t.md5 from (select distinct on (l.pathid, l.filenameid) p.path, f.name, l.jobid, l.md5, l.fileindex from file l join job j using (jobid) join path p using (pathid) join filename f using (filenameid) where j.jobid in (1, 2, 3) order by l.pathid, l.filenameid, j.jobtdate desc) t where t.fileindex > 0 order by 1, 2;
select path from path where path like '/srv/%' order by path;
select name from filename where name like 'file2%' order by name;
select name, count(*), max(starttime), sum(extract(epoch from endtime - starttime)), string_agg(jobstatus, '' order by jobid) from job group by name having count(*) > 1;
select jobid, level, endtime - starttime, to_char(starttime, 'Dy DD Mon YYYY') from job where starttime between '2024-03-02' and '2024-03-04 12:00' order by jobid;
insert into jobmedia (jobid, mediaid, firstindex, lastindex, volindex) select j, m, 1, 3, m from generate_series(1, 2) j, generate_series(1, 2) m;
select distinct on (m.mediaid) m.volumename, jm.jobid from jobmedia jm join media m using (mediaid) order by m.mediaid, jm.jobid desc;
insert into restoreobject (objectname, restoreobject, pluginname, jobid) values ('o', '\x00ff5c', 'p', 1) returning restoreobjectid, restoreobject, length(restoreobject);
with counted as (update job set hasbase = 1, jobbytes = jobbytes + 1048576, jobfiles = (select count(*) from file where file.jobid = job.jobid) where jobid < 4 returning jobid, jobfiles, jobbytes) select * from counted order by 1;
with gone as (delete from file using job where job.jobid = file.jobid and job.endtime < '2024-03-03' returning file.jobid, file.fileindex) select * from gone order by 1, 2;
with gone as (delete from path where not exists (select 1 from file where file.pathid = path.pathid) returning path) select * from gone order by 1;
