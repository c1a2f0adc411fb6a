<?php
// PDO and the pgsql extension against one server, printed for comparison.
$at = "host=" . getenv("PGHOST") . ";port=" . getenv("PGPORT") . ";";
$admin = new PDO("pgsql:{$at}dbname=postgres", "postgres");
$admin->exec("drop database if exists php_client");
$admin->exec("create database php_client");
$db = new PDO("pgsql:{$at}dbname=php_client", "postgres", null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
function show(...$xs) { foreach ($xs as $x) echo json_encode($x, JSON_INVALID_UTF8_SUBSTITUTE), " "; echo "\n"; }
function fails($label, $f) { try { $f(); show($label, "did not fail"); } catch (PDOException $e) { show($label, $e->getCode(), $e->errorInfo); } }
$db->exec("create table t (id serial primary key, n text unique, v numeric(8,2), b bool, y bytea, j jsonb, a int[])");
$db->exec("create table c (t int not null references t on delete cascade)");
$put = $db->prepare("insert into t (n, v, b, y, j, a) values (:n, :v, :b, :y, :j, :a) returning id");
foreach ([1, 2, 3] as $i) {
  $put->bindValue("n", "n$i"); $put->bindValue("v", $i / 2); $put->bindValue("b", $i % 2 == 1, PDO::PARAM_BOOL);
  $put->bindValue("y", "\0\xff$i", PDO::PARAM_LOB); $put->bindValue("j", json_encode(["i" => $i])); $put->bindValue("a", "{1,$i}");
  $put->execute(); show($put->fetchColumn());
}
$q = $db->query("select id, n, v, b, j, a from t order by id");
for ($i = 0; $i < $q->columnCount(); $i++) { $m = $q->getColumnMeta($i); unset($m["pgsql:table_oid"]); show($m); }
show($q->fetchAll(PDO::FETCH_ASSOC), $db->lastInsertId("t_id_seq"), $db->lastInsertId());
show(bin2hex(stream_get_contents($db->query("select y from t where id = 2")->fetchColumn())));
$db->beginTransaction(); $db->exec("savepoint s");
fails("unique", fn() => $db->exec("insert into t (n) values ('n1')"));
$db->exec("rollback to s"); $db->exec("insert into t (n) values ('kept')"); show($db->inTransaction()); $db->commit();
fails("foreign key", fn() => $db->exec("insert into c values (99)"));
fails("null", fn() => $db->exec("insert into c values (null)"));
fails("syntax", fn() => $db->query("selec 1"));
fails("parameter", fn() => $db->prepare("select ?::int")->execute(["x"]));
$db->pgsqlCopyFromArray("c", ["1\n", "2\n"]); $lines = $db->pgsqlCopyToArray("c"); sort($lines); show($lines, $db->exec("delete from t where id = 1"), $db->query("select count(*) from c")->fetchColumn());
$db->exec("listen ch"); $db->exec("notify ch, 'x'"); $n = $db->pgsqlGetNotify(PDO::FETCH_ASSOC, 1000); show($n["message"] ?? null, $n["payload"] ?? null);
$p = pg_connect("host=" . getenv("PGHOST") . " port=" . getenv("PGPORT") . " dbname=php_client user=postgres");
show(pg_version($p)["server"] >= "15", pg_parameter_status($p, "server_encoding"), pg_meta_data($p, "t"), pg_fetch_all(pg_query_params($p, 'select n from t where id > $1 order by id', [1])));
show(pg_insert($p, "t", ["n" => "i", "v" => 3]) !== false, pg_update($p, "t", ["v" => 4], ["n" => "i"]), pg_select($p, "t", ["n" => "i"]), pg_delete($p, "t", ["n" => "i"]));
pg_prepare($p, "s", 'select $1::int + 1 as v'); show(pg_fetch_assoc(pg_execute($p, "s", [4])));
$r = @pg_send_query($p, "insert into t (n) values ('n2')"); $r = pg_get_result($p); show(pg_result_error_field($r, PGSQL_DIAG_SQLSTATE), pg_result_error_field($r, PGSQL_DIAG_CONSTRAINT_NAME), pg_result_error($r));
pg_close($p); $db = null; $q = null; $put = null; gc_collect_cycles();
$admin->exec("drop database php_client with (force)");
