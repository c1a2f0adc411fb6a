// node-postgres, Knex and Sequelize against one server, printed for comparison.
const { Client, Pool, types } = require('pg');
const knexOf = require('knex');
const { Sequelize, DataTypes, Op } = require('sequelize');

const at = { host: process.env.PGHOST, port: +process.env.PGPORT, user: 'postgres', database: 'postgres' };
const show = (...xs) => console.log(...xs.map((x) => (typeof x === 'string' ? x : JSON.stringify(x, (k, v) => (typeof v === 'bigint' ? String(v) : v)))));
async function fails(label, f) {
  try {
    await f();
    show(label, 'did not fail');
  } catch (e) {
    const d = e.original || e;
    show(label, e.name, d.code, d.severity, String(d.message).replace(/^.* - /s, ''), d.detail && d.detail.replace(/\d{4}-\d\d-\d\d [\d:.]+\+00/g, 'now'), d.hint, d.position, d.schema, d.table, d.column, d.constraint);
  }
}

async function postgres(database) {
  const c = new Client({ ...at, database });
  c.on('notice', (n) => show('notice', n.severity, n.code, n.message));
  await c.connect();
  await c.query('create table t (id serial primary key, i int8, n numeric, b bool, s text, j jsonb, a int[], ts timestamptz, d date, y bytea, u uuid, iv interval)');
  await c.query('create table if not exists t (id int)');
  const row = [2n ** 60n, '1.50', true, 'é"\\', { a: [1, null] }, [1, 2, null], new Date(1709209815123), '2024-02-29', Buffer.from([0, 255, 92]), '00000000-0000-0000-0000-000000000001', '1 day 02:03:04.5'];
  const q = { name: 'put', text: 'insert into t (i,n,b,s,j,a,ts,d,y,u,iv) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) returning *', values: row };
  let r = await c.query(q);
  show(r.command, r.rowCount, r.oid, r.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.columnID, f.format]), r.rows);
  r = await c.query({ ...q, values: row.map(() => null) });
  show(r.rows);
  r = await c.query({ text: 'select id, s, b from t order by id', rowMode: 'array' });
  show(r.rows);
  r = await c.query('select 1 as a; select 2 as b; begin; commit');
  show(r.map((x) => [x.command, x.rowCount, x.rows]));
  await fails('unique', () => c.query('insert into t (id) values (1)'));
  await fails('syntax', () => c.query('selec 1'));
  await fails('parameter', () => c.query('select $1::int', ['x']));
  await fails('count', () => c.query({ name: 'two', text: 'select $1::int + $2::int', values: [1] }));
  await c.query('begin');
  await fails('in a block', () => c.query('select 1/0'));
  await fails('aborted', () => c.query('select 1'));
  await c.query('rollback');
  await c.query('listen ch');
  const heard = new Promise((ok) => c.once('notification', ok));
  await c.query("select pg_notify('ch', 'hello')");
  const n = await heard;
  show('notification', n.channel, n.payload);
  const pool = new Pool({ ...at, database, max: 5 });
  const sums = await Promise.all([...Array(20).keys()].map((i) => pool.query('select $1::int * 2 as v', [i])));
  show(sums.map((x) => x.rows[0].v));
  await pool.end();
  await c.end();
}

async function knex(database) {
  const k = knexOf({ client: 'pg', connection: { ...at, database }, pool: { min: 0, max: 3 } });
  const migrations = {
    migrationSource: {
      getMigrations: async () => ['one', 'two'],
      getMigrationName: (m) => m,
      getMigration: async (m) => (m === 'one' ? {
        async up(x) {
          await x.schema.createTable('users', (t) => {
            t.increments();
            t.string('email', 50).notNullable().unique();
            t.enu('role', ['admin', 'user'], { useNative: true, enumName: 'role_kind' }).defaultTo('user');
            t.jsonb('profile').defaultTo('{}');
            t.timestamps(true, true);
            t.comment('who');
          });
          await x.schema.createTable('posts', (t) => {
            t.uuid('id').primary().defaultTo(x.fn.uuid());
            t.integer('user_id').unsigned().references('users.id').onDelete('CASCADE').index();
            t.text('body');
            t.decimal('score', 8, 3);
            t.specificType('tags', 'text[]');
            t.unique(['user_id', 'body'], { indexName: 'once', deferrable: 'deferred' });
          });
        },
        async down(x) { await x.schema.dropTable('posts').dropTable('users').raw('drop type role_kind'); },
      } : {
        async up(x) {
          await x.schema.alterTable('users', (t) => { t.renameColumn('email', 'mail'); t.integer('age').checkPositive('age_check'); t.string('nick').defaultTo('x').index(); });
          await x.schema.alterTable('users', (t) => { t.setNullable('mail'); t.string('mail', 200).alter(); });
          await x.schema.renameTable('posts', 'entries');
        },
        async down(x) {
          await x.schema.renameTable('entries', 'posts');
          await x.schema.alterTable('users', (t) => { t.dropChecks('age_check'); t.dropColumns('age', 'nick'); t.renameColumn('mail', 'email'); });
          await x.schema.alterTable('users', (t) => { t.string('email', 50).notNullable().alter(); });
        },
      }),
    },
  };
  show(await k.migrate.latest(migrations), await k.migrate.currentVersion(migrations), await k.schema.hasTable('entries'), await k.schema.hasColumn('users', 'mail'));
  show(await k('users').columnInfo(), await k('entries').columnInfo());
  const ids = await k('users').insert([...Array(5).keys()].map((i) => ({ mail: 'm' + i, age: i + 1, profile: { n: i } }))).returning(['id', 'mail', 'role']);
  show(ids);
  await k.batchInsert('entries', [...Array(100).keys()].map((i) => ({ user_id: (i % 5) + 1, body: 'b' + i, score: i / 8, tags: ['x', 't' + i] })), 30);
  show(await k('users as u').join('entries as e', 'e.user_id', 'u.id').groupBy('u.mail').orderBy('u.mail').select('u.mail').count('* as n').sum('e.score as s').max('e.body as b'));
  show(await k('users').insert({ mail: 'm1', age: 9 }).onConflict('mail').merge(['age']).returning('*').then((r) => r.map((x) => [x.id, x.age])));
  show(await k('users').insert({ mail: 'm1' }).onConflict().ignore().returning('id'));
  show(await k('users').whereJsonPath('profile', '$.n', '>', 2).orderBy('id').pluck('mail'), await k('users').where('id', '<', 3).update({ age: k.raw('age + ?', [1]) }, ['age']));
  show(await k.with('x', k('entries').where('score', '>', 12)).from('x').count(), await k('entries').where('body', 'like', 'b1%').del(), await k('users').first('mail').orderBy('id', 'desc'));
  try {
    await k.transaction(async (t) => {
      await t('users').insert({ mail: 'outer' });
      await t.transaction(async (u) => { await u('users').insert({ mail: 'inner' }); throw new Error('inner'); }).catch((e) => show(e.message));
      show(await t('users').where('mail', 'in', ['outer', 'inner']).forUpdate().skipLocked().pluck('mail'));
      throw new Error('outer');
    });
  } catch (e) { show(e.message); }
  await fails('knex unique', () => k('users').insert({ mail: 'm1' }));
  await fails('knex check', () => k('users').insert({ mail: 'q', age: -1 }));
  await fails('knex enum', () => k('users').insert({ mail: 'q', role: 'boss' }));
  await fails('knex foreign key', () => k('entries').insert({ user_id: 4711 }));
  await k('users').where({ id: 1 }).del();
  show(await k('entries').count(), await k('users').orderBy('id').pluck('id'));
  const seen = [];
  for await (const row of k('users').select('id').orderBy('id').stream()) seen.push(row.id);
  show(seen);
  show(await k.migrate.rollback(migrations, true), await k.migrate.currentVersion(migrations));
  await k.destroy();
}

async function sequelize(database) {
  const s = new Sequelize({ dialect: 'postgres', host: at.host, port: at.port, username: at.user, database, logging: false });
  const User = s.define('User', { name: { type: DataTypes.STRING(40), allowNull: false, unique: true }, mood: { type: DataTypes.STRING(8), defaultValue: 'ok' },
    data: DataTypes.JSONB, tags: DataTypes.ARRAY(DataTypes.STRING), born: DataTypes.DATEONLY, rate: DataTypes.DECIMAL(6, 2), big: DataTypes.BIGINT, when: DataTypes.DATE, r: DataTypes.RANGE(DataTypes.INTEGER) },
  { indexes: [{ fields: ['rate'], where: { rate: { [Op.gt]: 1 } } }, { fields: [s.fn('lower', s.col('name'))], name: 'lower_name' }], paranoid: true });
  const Task = s.define('Task', { title: DataTypes.TEXT, done: { type: DataTypes.BOOLEAN, defaultValue: false }, id: { type: DataTypes.UUID, primaryKey: true } }, { timestamps: false });
  const Tag = s.define('Tag', { slug: { type: DataTypes.STRING, primaryKey: true } }, { timestamps: false });
  User.hasMany(Task, { onDelete: 'CASCADE' });
  Task.belongsTo(User);
  Task.belongsToMany(Tag, { through: 'TaskTags' });
  Tag.belongsToMany(Task, { through: 'TaskTags' });
  await s.sync({ force: true });
  await s.sync({ alter: true });
  const qi = s.getQueryInterface();
  const tables = (await qi.showAllTables()).map((t) => t.tableName || t).sort();
  show(tables);
  for (const t of ['Users', 'Tasks', 'TaskTags']) {
    show(t, Object.entries(await qi.describeTable(t)).sort());
    show((await qi.showIndex(t)).map((i) => [i.name, i.unique, i.primary, i.fields, i.definition]).sort());
    show((await qi.getForeignKeyReferencesForTable(t)).map((f) => [f.constraintName, f.columnName, f.referencedTableName, f.referencedColumnName]).sort());
  }
  const uuid = (i) => '00000000-0000-0000-0000-' + String(i).padStart(12, '0');
  const u = await User.create({ name: 'ada', data: { a: { b: [1] } }, tags: ['x', 'y'], born: '1815-12-10', rate: 1.25, big: '9007199254740993', when: new Date(0), r: [1, 5],
    Tasks: [{ id: uuid(1), title: 'one' }, { id: uuid(2), title: 'two' }] }, { include: Task });
  show(u.id, u.mood, u.rate, u.big, u.r, u.Tasks.length);
  await User.bulkCreate([{ name: 'bob' }, { name: 'ada', mood: 'bad' }], { updateOnDuplicate: ['mood'], conflictAttributes: ['name'] });
  const [tag] = await Tag.findCreateFind({ where: { slug: 'red' } });
  await (await Task.findByPk(uuid(1))).addTag(tag);
  const plain = (x) => JSON.parse(JSON.stringify(x, (k, v) => (/edAt$/.test(k) ? undefined : v)));
  show(plain(await User.findAll({ include: { model: Task, include: Tag }, order: ['id', [Task, 'title', 'ASC']] })));
  show(plain(await User.findAll({ attributes: ['mood', [s.fn('count', s.col('id')), 'n']], group: 'mood', order: ['mood'] })));
  show(plain(await User.findAndCountAll({ where: { [Op.or]: [{ data: { a: { [Op.ne]: null } } }, { tags: { [Op.contains]: ['zz'] } }, { name: { [Op.iLike]: 'B%' } }] }, limit: 1, order: [['id', 'DESC']] })));
  show(await User.update({ rate: s.literal('coalesce(rate, 0) + 1') }, { where: { name: 'bob' }, returning: ['rate'] }).then((r) => [r[0], r[1][0].rate]), await User.increment('rate', { by: 2, where: { name: 'bob' } }).then(() => User.sum('rate')));
  await s.transaction({ isolationLevel: Sequelize.Transaction.ISOLATION_LEVELS.REPEATABLE_READ }, async (t) => {
    await User.create({ name: 'kept' }, { transaction: t });
    await s.transaction({ transaction: t }, async (n) => { await User.create({ name: 'lost' }, { transaction: n }); throw new Error('back'); }).catch((e) => show(e.message));
    show((await User.findAll({ transaction: t, lock: t.LOCK.UPDATE, skipLocked: true, order: ['name'] })).map((x) => x.name));
  });
  await fails('sequelize unique', () => User.create({ name: 'ada' }));
  await fails('sequelize null', () => s.query('insert into "Users" ("createdAt") values (null)'));
  await fails('sequelize foreign key', () => Task.create({ id: uuid(3), UserId: 4711 }));
  await fails('sequelize table', () => s.query('select * from nope'));
  await u.destroy();
  show(await User.count(), await User.count({ paranoid: false }), await Task.count());
  await u.destroy({ force: true });
  show(await Task.count(), await s.query('select name from "Users" where name = :n', { replacements: { n: 'bob' }, type: Sequelize.QueryTypes.SELECT }), await s.query('select $1::int + 1 as v', { bind: [4], type: Sequelize.QueryTypes.SELECT }));
  await qi.addColumn('Users', 'extra', { type: DataTypes.INTEGER, defaultValue: 3, allowNull: false });
  await qi.changeColumn('Users', 'extra', { type: DataTypes.STRING, allowNull: true });
  await qi.renameColumn('Users', 'extra', 'more');
  await qi.addConstraint('Users', { fields: ['more'], type: 'check', where: { more: ['3', '4'] }, name: 'more_check' });
  await qi.addIndex('Users', ['more', { name: 'id', order: 'DESC' }], { name: 'by_more', concurrently: true });
  show((await qi.describeTable('Users')).more, (await qi.showIndex('Users')).map((i) => i.name).sort());
  await qi.removeConstraint('Users', 'more_check');
  await qi.removeColumn('Users', 'more');
  await s.drop();
  show(await qi.showAllTables());
  await s.close();
}

(async () => {
  const admin = new Client(at);
  await admin.connect();
  for (const [name, run] of Object.entries({ postgres, knex, sequelize })) {
    await admin.query('drop database if exists node_' + name);
    await admin.query('create database node_' + name);
    show('== ' + name);
    await run('node_' + name);
    await admin.query('drop database node_' + name);
  }
  await admin.end();
})().catch((e) => { console.error(e); process.exit(1); });
