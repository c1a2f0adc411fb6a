-- The catalogs of text search.
select oid, prsname, prsnamespace::regnamespace from pg_ts_parser;
select tmplname, tmplnamespace::regnamespace from pg_ts_template order by 1;
select dictname, dictnamespace::regnamespace, dictowner, tmplname, dictinitoption from pg_ts_dict d join pg_ts_template t on t.oid = dicttemplate order by 1;
select oid, cfgname, cfgnamespace::regnamespace, cfgowner, cfgparser from pg_ts_config order by 1;
select oid, dictname from pg_ts_dict order by 1;
select cfgname, cfgparser from pg_ts_config order by 1;
select mapcfg::regconfig, array_agg(maptokentype order by maptokentype), mapseqno, mapdict::regdictionary from pg_ts_config_map group by 1, 3, 4 order by mapcfg::regconfig::text, mapdict::regdictionary::text;
select cfgname, obj_description(oid, 'pg_ts_config') from pg_ts_config order by 1 limit 4;
select pg_ts_config_is_visible('english'::regconfig), pg_ts_dict_is_visible('simple'::regdictionary), pg_ts_parser_is_visible(3722), pg_ts_template_is_visible(3727);
\dF
\dF+ english
\dFd
\dFd+ russian_stem
\dFp
\dFt
select oprname, oprleft::regtype, oprright::regtype, oprresult::regtype from pg_operator where 'tsquery'::regtype in (oprleft, oprright) order by 1, 2, 3;
