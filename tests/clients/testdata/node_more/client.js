// TypeORM, Drizzle, Kysely and pg-promise against one server, printed for comparison.
require('reflect-metadata');
const { Client, Pool } = require('pg');
const { DataSource, EntitySchema, QueryFailedError, Table, TableColumn, TableIndex, TableForeignKey } = require('typeorm');
const { drizzle } = require('drizzle-orm/node-postgres');
const { sql: dsql, eq, gt, desc, count, relations } = require('drizzle-orm');
const d = require('drizzle-orm/pg-core');
const { Kysely, PostgresDialect, Migrator, sql } = require('kysely');
const pgPromise = require('pg-promise');

const at = { host: process.env.PGHOST, port: +process.env.PGPORT, user: 'postgres' };
const show = (...xs) => console.log(...xs.map((x) => (typeof x === 'string' ? x : JSON.stringify(x))));
async function fails(label, f) {
  try {
    await f();
    show(label, 'did not fail');
  } catch (e) {
    const x = e.cause || e.driverError || e;
    show(label, e.constructor.name, x.code, x.message, x.detail && x.detail.replace(/\d{4}-\d\d-\d\d [\d:.]+\+00/g, 'now'), x.constraint);
  }
}

async function typeorm(database) {
  const User = new EntitySchema({ name: 'User', columns: { id: { type: Number, primary: true, generated: 'increment' }, name: { type: String, length: 40, unique: true },
    mood: { type: 'enum', enum: ['ok', 'bad'], default: 'ok' }, tags: { type: 'text', array: true, default: () => "'{}'" }, data: { type: 'jsonb', nullable: true },
    born: { type: 'date', nullable: true }, made: { type: 'timestamptz', createDate: true }, gone: { type: 'timestamptz', deleteDate: true, nullable: true }, version: { type: Number, version: true },
    rate: { type: 'numeric', precision: 8, scale: 2, default: 1.5 } },
  relations: { posts: { type: 'one-to-many', target: 'Post', inverseSide: 'user', cascade: true } }, checks: [{ expression: '"rate" >= 0', name: 'rate_check' }],
  indices: [{ name: 'by_born', columns: ['born', 'rate'], where: 'born is not null' }] });
  const Post = new EntitySchema({ name: 'Post', columns: { id: { type: 'uuid', primary: true, generated: 'uuid' }, title: { type: String }, at: { type: 'interval', nullable: true } },
    relations: { user: { type: 'many-to-one', target: 'User', inverseSide: 'posts', onDelete: 'CASCADE', nullable: false }, labels: { type: 'many-to-many', target: 'Label', joinTable: true } } });
  const Label = new EntitySchema({ name: 'Label', columns: { slug: { type: String, primary: true } } });
  const ds = new DataSource({ type: 'postgres', ...at, username: at.user, database, entities: [User, Post, Label], installExtensions: false, uuidExtension: 'pgcrypto', logging: false });
  await ds.initialize();
  await ds.synchronize();
  const log = await ds.driver.createSchemaBuilder().log();
  show('in sync', log.upQueries.map((q) => q.query));
  const qr = ds.createQueryRunner();
  for (const t of (await qr.getTables(['user', 'post', 'label', 'post_labels_label'])).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    show(t.name, t.columns.map((c) => [c.name, c.type, c.length, c.isNullable, c.isPrimary, c.isGenerated, c.default, c.isArray, c.enum, c.precision, c.scale]).sort(),
      t.foreignKeys.map((f) => [f.columnNames, f.referencedTableName, f.onDelete]).sort(), t.indices.map((i) => [i.name, i.columnNames, i.isUnique, i.where]).sort(), t.checks.map((c) => [c.name, c.expression]), t.uniques.map((u) => u.columnNames));
  }
  const users = ds.getRepository('User');
  const saved = await users.save({ name: 'ada', tags: ['x'], data: { a: [1] }, born: '1815-12-10', posts: [{ title: 'one' }, { title: 'two' }] });
  show(saved.id, saved.version, saved.mood, saved.posts.length);
  saved.mood = 'bad';
  await users.save(saved);
  await users.insert([{ name: 'bob' }, { name: 'cyd', rate: 2 }]);
  await users.upsert([{ name: 'bob', rate: 7 }], ['name']);
  show((await users.find({ relations: { posts: true }, order: { id: 'ASC', posts: { title: 'ASC' } } })).map((u) => [u.id, u.name, u.mood, u.version, u.rate, u.posts.map((p) => p.title)]));
  show(await users.createQueryBuilder('u').leftJoin('u.posts', 'p').select('u.name', 'name').addSelect('count(p.id)', 'n').groupBy('u.name').orderBy('u.name').getRawMany(), await users.findAndCount({ where: { name: 'bob' }, select: { name: true }, take: 1 }));
  await ds.transaction(async (m) => {
    await m.save('Label', { slug: 'kept' });
    await m.transaction(async (n) => { await n.save('Label', { slug: 'lost' }); throw new Error('back'); }).catch((e) => show(e.message));
    show(await m.find('Label'), (await m.getRepository('User').findOne({ where: { name: 'ada' }, lock: { mode: 'pessimistic_write' } })).name);
  });
  await fails('typeorm unique', () => users.insert({ name: 'ada' }));
  await fails('typeorm check', () => users.insert({ name: 'q', rate: -1 }));
  await fails('typeorm enum', () => users.insert({ name: 'q', mood: 'so' }));
  await users.softDelete({ name: 'bob' });
  await users.delete({ name: 'ada' });
  show(await users.count(), await users.count({ withDeleted: true }), await ds.getRepository('Post').count());
  await qr.createTable(new Table({ name: 'extra', columns: [{ name: 'id', type: 'int', isPrimary: true }, { name: 'u', type: 'int' }] }));
  await qr.createForeignKey('extra', new TableForeignKey({ columnNames: ['u'], referencedTableName: 'user', referencedColumnNames: ['id'] }));
  await qr.addColumn('extra', new TableColumn({ name: 'n', type: 'varchar', length: '5', isNullable: true }));
  await qr.changeColumn('extra', 'n', new TableColumn({ name: 'm', type: 'varchar', length: '9', isNullable: true }));
  await qr.createIndex('extra', new TableIndex({ name: 'extra_m', columnNames: ['m'] }));
  show((await qr.getTable('extra')).columns.map((c) => [c.name, c.type, c.length]));
  await qr.dropTable('extra');
  await qr.release();
  await ds.dropDatabase();
  await ds.destroy();
}

async function drizzled(database) {
  const pool = new Pool({ ...at, database });
  const mood = d.pgEnum('mood', ['ok', 'bad']);
  const users = d.pgTable('users', { id: d.serial('id').primaryKey(), name: d.varchar('name', { length: 40 }).notNull().unique(), mood: mood('mood').default('ok'), data: d.jsonb('data'), tags: d.text('tags').array(), at: d.timestamp('at', { withTimezone: true, mode: 'string' }) });
  const posts = d.pgTable('posts', { id: d.uuid('id').primaryKey().defaultRandom(), user: d.integer('user_id').references(() => users.id, { onDelete: 'cascade' }), title: d.text('title') });
  const ur = relations(users, ({ many }) => ({ posts: many(posts) }));
  const pr = relations(posts, ({ one }) => ({ user: one(users, { fields: [posts.user], references: [users.id] }) }));
  const db = drizzle(pool, { schema: { users, posts, ur, pr } });
  await db.execute(dsql`create type mood as enum ('ok', 'bad')`);
  await db.execute(dsql`create table users (id serial primary key, name varchar(40) not null unique, mood mood default 'ok', data jsonb, tags text[], at timestamptz)`);
  await db.execute(dsql`create table posts (id uuid primary key default gen_random_uuid(), user_id int references users on delete cascade, title text)`);
  show(await db.insert(users).values([{ name: 'ada', data: { a: [1] }, tags: ['x', 'y'], at: '2024-02-29T12:00:00Z' }, { name: 'bob', mood: 'bad' }]).returning());
  await db.insert(posts).values([{ user: 1, title: 'one' }, { user: 1, title: 'two' }]);
  show((await db.query.users.findMany({ with: { posts: { columns: { title: true }, orderBy: posts.title } }, orderBy: users.id })));
  show(await db.select({ name: users.name, n: count(posts.id) }).from(users).leftJoin(posts, eq(posts.user, users.id)).groupBy(users.name).orderBy(desc(users.name)));
  show(await db.insert(users).values({ name: 'ada' }).onConflictDoUpdate({ target: users.name, set: { mood: dsql`'bad'` } }).returning({ id: users.id, mood: users.mood, inserted: dsql`xmax = 0` }));
  await db.transaction(async (t) => {
    await t.insert(users).values({ name: 'kept' });
    await t.transaction(async (n) => { await n.insert(users).values({ name: 'lost' }); n.rollback(); }).catch((e) => show(e.message));
  }, { isolationLevel: 'serializable' });
  const find = db.select().from(users).where(gt(users.id, dsql.placeholder('id'))).orderBy(users.id).prepare('find');
  show(await find.execute({ id: 1 }));
  await fails('drizzle unique', () => db.insert(users).values({ name: 'ada' }));
  show((await db.delete(users).where(eq(users.name, 'ada')).returning({ id: users.id })), await db.$count(posts));
  await pool.end();
}

async function kysely(database) {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ ...at, database }) }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({
    a: { up: (x) => x.schema.createTable('person').addColumn('id', 'integer', (c) => c.primaryKey().generatedAlwaysAsIdentity()).addColumn('name', 'varchar(40)', (c) => c.notNull().unique()).addColumn('age', 'integer', (c) => c.check(sql`age > 0`)).addColumn('data', 'jsonb').execute(),
      down: (x) => x.schema.dropTable('person').execute() },
    b: { up: async (x) => { await x.schema.createTable('pet').addColumn('name', 'text').addColumn('owner', 'integer', (c) => c.references('person.id').onDelete('cascade')).execute(); await x.schema.createIndex('pet_owner').on('pet').column('owner').execute(); await x.schema.alterTable('person').addColumn('nick', 'text', (c) => c.defaultTo('n')).execute(); },
      down: async (x) => { await x.schema.dropTable('pet').execute(); await x.schema.alterTable('person').dropColumn('nick').execute(); } } }) } });
  show((await migrator.migrateToLatest()).results);
  show((await db.introspection.getTables()).map((t) => [t.name, t.isView, t.schema, t.columns.map((c) => [c.name, c.dataType, c.isNullable, c.hasDefaultValue, c.isAutoIncrementing])]).sort());
  show(await db.insertInto('person').values([{ name: 'ada', age: 36, data: '{"a": 1}' }, { name: 'bob', age: 5 }]).returningAll().execute());
  await db.insertInto('pet').values([{ name: 'rex', owner: 1 }, { name: 'tom', owner: 1 }]).execute();
  show(await db.selectFrom('person as p').leftJoin('pet', 'pet.owner', 'p.id').select(['p.name', (e) => e.fn.count('pet.name').as('n')]).groupBy('p.name').orderBy('p.name').execute());
  show(await db.selectFrom('person').select(['name', (e) => sql`(select coalesce(json_agg(x.name order by x.name), '[]') from pet x where x.owner = person.id)`.as('pets')]).orderBy('id').execute());
  show(await db.with('old', (q) => q.deleteFrom('pet').where('name', '=', 'tom').returning('name')).selectFrom('old').selectAll().execute());
  show(await db.updateTable('person').set((e) => ({ age: e('age', '+', 1) })).where('name', '=', 'bob').returning('age').executeTakeFirst());
  await fails('kysely unique', () => db.insertInto('person').values({ name: 'ada', age: 1 }).execute());
  await fails('kysely check', () => db.insertInto('person').values({ name: 'q', age: 0 }).execute());
  await db.transaction().setIsolationLevel('repeatable read').execute(async (t) => { show(await t.selectFrom('person').select('name').orderBy('id').forUpdate().execute()); });
  show((await migrator.migrateDown()).results, (await migrator.migrateDown()).results);
  await db.destroy();
}

async function promised(database) {
  const pgp = pgPromise({ noWarnings: true });
  const db = pgp({ ...at, database });
  await db.none('create table t (id serial primary key, name text unique, v int8, j jsonb)');
  const cs = new pgp.helpers.ColumnSet(['name', 'v', { name: 'j', mod: ':json' }], { table: 't' });
  await db.none(pgp.helpers.insert([...Array(50).keys()].map((i) => ({ name: 'n' + i, v: i, j: { i } })), cs));
  show(await db.one('select count(*)::int, sum(v) from t'), await db.any('select name, j from t where name in ($1:csv) order by id', [['n3', 'n4']]), await db.oneOrNone('select 1 from t where id = $<id>', { id: 99 }));
  show(await db.result(pgp.helpers.update([{ name: 'n1', v: 100 }, { name: 'n2', v: 200 }], ['?name', 'v'], 't', null, {}) + ' where v.name = t.name', [], (r) => r.rowCount));
  await db.tx(async (t) => {
    await t.none("insert into t (name) values ('kept')");
    await t.tx(async (n) => { await n.none("insert into t (name) values ('lost')"); throw new Error('back'); }).catch((e) => show(e.message));
    show(await t.map("select name from t where name in ('kept', 'lost')", [], (r) => r.name), await t.batch([t.one('select 1 a'), t.one('select 2 b')]));
  });
  await fails('pg-promise unique', () => db.none("insert into t (name) values ('n1')"));
  await fails('pg-promise one', () => db.one('select 1 where false'));
  show(await db.multi('select 1 a; select 2 b'));
  pgp.end();
}

(async () => {
  const admin = new Client({ ...at, database: 'postgres' });
  await admin.connect();
  for (const [name, run] of Object.entries({ typeorm, drizzled, kysely, promised })) {
    await admin.query('drop database if exists node_' + name);
    await admin.query('create database node_' + name);
    show('== ' + name);
    await run('node_' + name);
    await admin.query(`drop database node_${name}`);
  }
  await admin.end();
})().catch((e) => { console.error(e); process.exit(1); });
