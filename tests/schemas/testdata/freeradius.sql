-- Accounting as a RADIUS server writes it: start, interim update, stop; then authorization with groups and their replies.
insert into nas (nasname, shortname, type, secret) values ('192.0.2.1', 'gw1', 'cisco', 's3cret'), ('2001:db8::1', 'gw2', default, 'other') returning id, type;
insert into nas (nasname, shortname) values ('192.0.2.9', 'gw9');
insert into radusergroup (username, groupname, priority) values ('ann', 'staff', 1), ('ann', 'vpn', 0), ('bob', 'staff', default);
insert into radcheck (username, attribute, op, value) values ('ann', 'Cleartext-Password', ':=', 'x'), ('bob', 'Cleartext-Password', ':=', 'y');
insert into radcheck (username, attribute, op, value) values ('bob', 'Auth-Type', ':==', 'Reject');
insert into radgroupcheck (groupname, attribute, op, value) values ('vpn', 'Simultaneous-Use', ':=', '1');
insert into radgroupreply (groupname, attribute, op, value) values ('staff', 'Session-Timeout', '=', '3600'), ('vpn', 'Framed-Pool', ':=', 'pool1');
insert into radreply (username, attribute, op, value) select 'ann', 'Reply-Message', '+=', 'line ' || g from generate_series(1, 3) g;
select id, username, attribute, value, op from radcheck where username = 'ann' order by id;
select groupname from radusergroup where username = 'ann' order by priority;
select g.groupname, r.attribute, r.op, r.value from radusergroup g join radgroupreply r using (groupname) where g.username = 'ann' order by g.priority, r.id;
insert into radacct (acctsessionid, acctuniqueid, username, nasipaddress, nasportid, acctstarttime, acctupdatetime, framedipaddress, framedipv6prefix) select 's' || g, md5(g::text), case g % 2 when 0 then 'ann' else 'bob' end, '192.0.2.1', g::text, timestamptz '2024-05-01 08:00:00+00' + g * interval '1 minute', timestamptz '2024-05-01 08:00:00+00' + g * interval '1 minute', ('198.51.100.' || g)::inet, '2001:db8:1::/64' from generate_series(1, 20) g;
insert into radacct (acctsessionid, acctuniqueid, nasipaddress) values ('again', md5('1'), '192.0.2.1');
insert into radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime) values ('again', md5('1'), 'bob', '192.0.2.1', '2024-05-01 09:00:00+00') on conflict (acctuniqueid) do update set acctsessionid = excluded.acctsessionid, acctupdatetime = excluded.acctstarttime returning acctsessionid, username, acctstarttime at time zone 'UTC', acctupdatetime at time zone 'UTC';
insert into radacct (acctsessionid, acctuniqueid, nasipaddress) values ('bad', 'bad', '192.0.2.300');
update radacct set acctupdatetime = '2024-05-01 10:00:00+00', acctinterval = extract(epoch from timestamptz '2024-05-01 10:00:00+00' - coalesce(acctupdatetime, acctstarttime)), acctinputoctets = (('2'::bigint << 32) + '123456'::bigint), acctoutputoctets = 17 where acctuniqueid = md5('2') and acctstoptime is null returning acctinterval, acctinputoctets;
update radacct set acctstoptime = '2024-05-01 11:00:00+00', acctsessiontime = extract(epoch from timestamptz '2024-05-01 11:00:00+00' - acctstarttime), acctterminatecause = 'User-Request' where username = 'ann' and acctstoptime is null;
-- the access server restarts: its sessions are over
update radacct set acctstoptime = '2024-05-01 12:00:00+00', acctsessiontime = case when acctsessiontime is null then extract(epoch from timestamptz '2024-05-01 12:00:00+00' - acctstarttime) else acctsessiontime end, acctterminatecause = 'NAS-Reboot' where acctstoptime is null and nasipaddress = '192.0.2.1'::inet and acctstarttime <= '2024-05-01 08:10:00+00';
select radacctid, acctsessionid, username, nasipaddress, nasportid, framedipaddress from radacct where acctstoptime is null order by radacctid;
select username, count(*), sum(acctsessiontime), avg(acctsessiontime), max(framedipaddress), min(acctstarttime at time zone 'UTC') from radacct group by username order by 1;
select nasipaddress << '192.0.2.0/24', set_masklen(framedipv6prefix, 48), count(distinct framedipaddress) from radacct group by 1, 2;
select sum(acctsessiontime - greatest(extract(epoch from timestamptz '2024-05-01 08:30:00+00' - acctstarttime), 0)) from radacct where username = 'ann' and extract(epoch from acctstarttime) + acctsessiontime > extract(epoch from timestamptz '2024-05-01 08:30:00+00');
insert into radpostauth (username, pass, reply, authdate) values ('ann', 'x', 'Access-Accept', '2024-05-01 08:00:00.123+00'), ('eve', 'z', 'Access-Reject', '2024-05-01 08:00:01.5+00') returning id, username;
select username, reply, authdate at time zone 'UTC' from radpostauth order by id;
insert into nasreload values ('192.0.2.1', '2024-05-01 12:00:00+00') on conflict (nasipaddress) do update set reloadtime = excluded.reloadtime;
insert into nasreload values ('192.0.2.1', '2024-05-01 13:00:00+00') on conflict (nasipaddress) do update set reloadtime = excluded.reloadtime returning nasipaddress, reloadtime at time zone 'UTC';
with gone as (delete from radacct where acctstoptime < timestamptz '2024-05-01 12:00:00+00' returning radacctid, username) select * from gone order by 1;
