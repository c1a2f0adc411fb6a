import java.sql.*;
import java.util.*;

/** PostgreSQL's JDBC driver against one server, printed for comparison. */
public class Client {
  static void show(Object... xs) {
    StringBuilder b = new StringBuilder();
    for (Object x : xs) b.append(x instanceof Object[] ? Arrays.deepToString((Object[]) x) : x).append(' ');
    System.out.println(b.toString().trim());
  }

  static void rows(String label, ResultSet r, String... without) throws SQLException {
    ResultSetMetaData m = r.getMetaData();
    List<String> out = new ArrayList<>();
    while (r.next()) {
      StringBuilder b = new StringBuilder(label);
      for (int i = 1; i <= m.getColumnCount(); i++) {
        if (!Arrays.asList(without).contains(m.getColumnName(i).toUpperCase())) b.append(' ').append(m.getColumnName(i)).append('=').append(r.getString(i));
      }
      out.add(b.toString());
    }
    Collections.sort(out);
    out.forEach(System.out::println);
  }

  interface Work { void run() throws SQLException; }

  static void fails(String label, Work w) {
    try { w.run(); show(label, "did not fail"); } catch (BatchUpdateException e) {
      show(label, e.getSQLState(), e.getUpdateCounts().length, e.getNextException() == null ? "" : e.getNextException().getMessage().replace("\n", "|"));
    } catch (SQLException e) { show(label, e.getClass().getSimpleName(), e.getSQLState(), e.getMessage().replace("\n", "|")); }
  }

  public static void main(String[] args) throws Exception {
    String at = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/";
    Connection admin = DriverManager.getConnection(at + "postgres", "postgres", "");
    admin.createStatement().execute("drop database if exists jdbc_client");
    admin.createStatement().execute("create database jdbc_client");
    for (String mode : new String[] {"extended", "extendedForPrepared"}) run(DriverManager.getConnection(at + "jdbc_client?preferQueryMode=" + mode + "&prepareThreshold=2&options=-c%20work_mem=7MB", "postgres", ""), mode);
    admin.createStatement().execute("drop database jdbc_client");
    admin.close();
  }

  static void run(Connection c, String mode) throws Exception {
    Statement s = c.createStatement();
    show("==", mode, c.getCatalog(), c.getSchema(), s.executeQuery("show work_mem").next());
    s.execute("create type mood as enum ('ok', 'bad'); create table t (id bigserial primary key, n varchar(40) not null unique, v numeric(8,2) default 1.5, m mood, a int[], b bytea, ts timestamptz, d date, u uuid, j jsonb, o boolean, x float8 check (x > 0)); create table k (t bigint references t on delete cascade on update set null deferrable, p int, q int, primary key (p, q)); create view w as select id, n from t; create index t_d on t (d desc) where d is not null; comment on column t.n is 'a name'");
    DatabaseMetaData m = c.getMetaData();
    show(m.getDatabaseProductName(), m.getDatabaseMajorVersion(), m.supportsSavepoints(), m.getDefaultTransactionIsolation(), m.getMaxColumnNameLength());
    rows("table", m.getTables(null, "public", "%", new String[] {"TABLE", "VIEW", "SEQUENCE", "INDEX", "TYPE"}), "TABLE_CAT");
    rows("column", m.getColumns(null, "public", "%", "%"), "TABLE_CAT");
    rows("key", m.getPrimaryKeys(null, "public", "k"), "TABLE_CAT");
    rows("imported", m.getImportedKeys(null, "public", "k"), "PKTABLE_CAT", "FKTABLE_CAT");
    rows("exported", m.getExportedKeys(null, "public", "t"), "PKTABLE_CAT", "FKTABLE_CAT");
    rows("index", m.getIndexInfo(null, "public", "t", false, true), "TABLE_CAT", "CARDINALITY", "PAGES");
    rows("schema", m.getSchemas());
    rows("privilege", m.getTablePrivileges(null, "public", "t"), "TABLE_CAT");
    rows("best", m.getBestRowIdentifier(null, "public", "t", DatabaseMetaData.bestRowSession, true));
    PreparedStatement p = c.prepareStatement("insert into t (n, v, m, a, b, ts, d, u, j, o, x) values (?, ?, ?::mood, ?, ?, ?, ?, ?, ?::jsonb, ?, ?)", Statement.RETURN_GENERATED_KEYS);
    for (int i = 1; i <= 10; i++) {
      p.setString(1, "n" + i); p.setBigDecimal(2, new java.math.BigDecimal(i).movePointLeft(1)); p.setString(3, i % 2 == 0 ? "ok" : "bad"); p.setArray(4, c.createArrayOf("int4", new Integer[] {1, null, i}));
      p.setBytes(5, new byte[] {0, (byte) 255, (byte) i}); p.setTimestamp(6, new Timestamp(1709209815123L)); p.setDate(7, java.sql.Date.valueOf("2024-02-29")); p.setObject(8, new UUID(0, i)); p.setString(9, "{\"i\": " + i + "}"); p.setBoolean(10, i > 5); p.setDouble(11, i / 3.0);
      p.addBatch();
    }
    show(p.executeBatch().length);
    ResultSet g = p.getGeneratedKeys(); g.next(); show(g.getLong("id"));
    for (int i = 0; i < 8; i++) {
      PreparedStatement q = c.prepareStatement("select n, v, m, a, b, ts, d, u, j, o, x from t where id = ?"); q.setLong(1, i + 1);
      ResultSet r = q.executeQuery(); r.next();
      show(r.getString(1), r.getBigDecimal(2), r.getString(3), r.getArray(4), r.getBytes(5).length, r.getTimestamp(6).getTime(), r.getObject(7), r.getObject(8), r.getObject(9), r.getBoolean(10), r.getDouble(11));
      if (i == 0) { ResultSetMetaData d = r.getMetaData(); for (int k = 1; k <= d.getColumnCount(); k++) show(d.getColumnLabel(k), d.getColumnTypeName(k), d.getPrecision(k), d.getScale(k), d.isNullable(k), d.isAutoIncrement(k), d.getColumnDisplaySize(k), d.getTableName(k)); }
    }
    c.setAutoCommit(false);
    Statement f = c.createStatement(); f.setFetchSize(3); ResultSet r = f.executeQuery("select id from t order by id"); int n = 0; while (r.next()) n++; show("fetched", n);
    Savepoint sp = c.setSavepoint("s");
    fails("unique", () -> s.execute("insert into t (n) values ('n1')"));
    fails("aborted", () -> s.execute("select 1"));
    c.rollback(sp); s.execute("insert into t (n) values ('kept')"); c.commit();
    c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE); show(c.getTransactionIsolation()); c.rollback(); c.setAutoCommit(true); c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    fails("check", () -> s.execute("insert into t (n, x) values ('q', -1)"));
    fails("foreign key", () -> s.execute("insert into k values (99, 1, 1)"));
    fails("syntax", () -> s.execute("selec 1"));
    fails("batch", () -> { Statement b = c.createStatement(); b.addBatch("insert into k values (1, 1, 1)"); b.addBatch("insert into k values (1, 1, 1)"); b.executeBatch(); });
    fails("timeout", () -> { Statement b = c.createStatement(); b.setQueryTimeout(1); b.execute("select pg_sleep(5)"); });
    Statement u = c.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE); ResultSet e = u.executeQuery("select id, n, v from t where n = 'n2'"); e.next(); e.updateBigDecimal("v", new java.math.BigDecimal("9.99")); e.updateRow(); e.moveToInsertRow(); e.updateString("n", "inserted"); e.insertRow(); e.close();
    ResultSet z = s.executeQuery("select v, (select count(*) from t) from t where n = 'n2'"); z.next(); show(z.getBigDecimal(1), z.getInt(2), s.executeUpdate("update t set v = 1"), s.executeUpdate("delete from t where id = 1"));
    org.postgresql.copy.CopyManager cm = c.unwrap(org.postgresql.PGConnection.class).getCopyAPI(); show(cm.copyIn("copy k from stdin csv", new java.io.StringReader("2,1,1\n2,1,2\n")));
    java.io.StringWriter o = new java.io.StringWriter(); cm.copyOut("copy (select * from k order by q) to stdout", o); show(o.toString().replace("\n", "|"));
    s.execute("listen ch; notify ch, 'x'"); org.postgresql.PGNotification[] ns = c.unwrap(org.postgresql.PGConnection.class).getNotifications(1000); show(ns.length, ns[0].getName(), ns[0].getParameter());
    c.setReadOnly(true); fails("read only", () -> s.execute("delete from k")); c.setReadOnly(false);
    s.execute("drop view w; drop table k, t; drop type mood");
    c.close();
  }
}
