"""SQLAlchemy and Alembic: schema reflection, the ORM, Core and migrations against one server, printed for comparison."""
import datetime
import decimal
import enum
import os
import uuid
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.hybrid import hybrid_property

warnings.simplefilter("ignore")
url = sa.engine.URL.create("postgresql+" + os.environ.get("DRIVER", "psycopg2"), "postgres", host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]),
                           database="postgres")
admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
with admin.connect() as c:
    c.exec_driver_sql("drop database if exists alchemy")
    c.exec_driver_sql("create database alchemy encoding 'utf8' template template0")
engine = sa.create_engine(url.set(database="alchemy"), executemany_mode="values_plus_batch", future=True)
print(engine.dialect.name, engine.connect().dialect.server_version_info, engine.dialect.default_schema_name)


class Colour(enum.Enum):
    red = 1
    blue = 2


naming = {"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s",
          "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s", "pk": "pk_%(table_name)s"}
Base = orm.declarative_base(metadata=sa.MetaData(naming_convention=naming))


class Node(Base):
    __tablename__ = "node"
    id = sa.Column(sa.BigInteger, sa.Identity(start=10, increment=5), primary_key=True)
    parent_id = sa.Column(sa.ForeignKey("node.id", ondelete="CASCADE", onupdate="CASCADE", deferrable=True, initially="DEFERRED"), index=True)
    name = sa.Column(sa.String(30), nullable=False, comment="what it is called")
    children = orm.relationship("Node", cascade="all", passive_deletes=True, backref=orm.backref("parent", remote_side=id))


class Item(Base):
    __tablename__ = "item"
    __table_args__ = (sa.CheckConstraint("price >= 0", name="price"), sa.UniqueConstraint("node_id", "code"),
                      sa.Index("item_lower", sa.text("lower(code)"), unique=True), sa.Index("item_part", "price", postgresql_where=sa.text("price > 10")),
                      sa.Index("item_include", "code", postgresql_include=["price"]), {"comment": "things"})
    id = sa.Column(sa.Integer, primary_key=True)
    node_id = sa.Column(sa.ForeignKey("node.id", ondelete="SET NULL"))
    code = sa.Column(sa.String(20), nullable=False)
    price = sa.Column(sa.Numeric(10, 2), server_default="1.50")
    twice = sa.Column(sa.Numeric(12, 2), sa.Computed("price * 2", persisted=True))
    colour = sa.Column(sa.Enum(Colour, name="colour"))
    made = sa.Column(sa.DateTime(timezone=True))
    day = sa.Column(sa.Date)
    span = sa.Column(sa.Interval)
    data = sa.Column(pg.JSONB)
    tags = sa.Column(pg.ARRAY(sa.Text))
    raw = sa.Column(sa.LargeBinary)
    key = sa.Column(pg.UUID(as_uuid=True), unique=True)
    during = sa.Column(pg.INT4RANGE)
    ip = sa.Column(pg.INET)
    flag = sa.Column(sa.Boolean, nullable=False, server_default=sa.true())
    ratio = sa.Column(sa.Float)
    version = sa.Column(sa.Integer, nullable=False)
    node = orm.relationship(Node, backref="items", lazy="joined")
    __mapper_args__ = {"version_id_col": version}

    @hybrid_property
    def shown(self):
        return self.code + "!"


def fails(label, f):
    try:
        f()
        print(label, "did not fail")
    except sa.exc.DBAPIError as e:
        d = e.orig.diag
        print(label, type(e).__name__, getattr(e.orig, "pgcode", None) or e.orig.sqlstate, d.message_primary, "|", d.message_detail, "|", d.constraint_name)


def reflect(schema=None):
    i = sa.inspect(engine)
    print(i.get_schema_names(), i.get_view_names(schema), sorted(i.get_sequence_names(schema)), i.get_enums(schema))
    for t in sorted(i.get_table_names(schema)):
        print(t, i.get_table_comment(t, schema), i.get_pk_constraint(t, schema), i.get_table_options(t, schema))
        for c in i.get_columns(t, schema):
            c["type"] = repr(c["type"])
            print("   ", sorted(c.items()))
        for kind in ("foreign_keys", "unique_constraints", "check_constraints", "indexes"):
            for x in sorted(getattr(i, "get_" + kind)(t, schema), key=lambda x: x["name"]):
                print("   ", kind, sorted(x.items()))


Base.metadata.create_all(engine)
with engine.begin() as c:
    c.execute(sa.schema.CreateSchema("other"))
    c.execute(sa.schema.CreateSequence(sa.Sequence("ticket", start=7, increment=3)))
    c.exec_driver_sql("create view other.cheap as select id, code from item where price < 5")
    c.exec_driver_sql("create table other.t (a int primary key, b int references node deferrable, unique (b, a))")
Base.metadata.create_all(engine)
reflect()
reflect("other")
print(sa.inspect(engine).get_view_definition("cheap", "other"))
m = sa.MetaData()
m.reflect(engine, schema="other", resolve_fks=True, views=True)
print(sorted(m.tables))

# The unit of work.
Session = orm.sessionmaker(engine, future=True)
with Session.begin() as s:
    root = Node(name="root", children=[Node(name="left", children=[Node(name="leaf")]), Node(name="right")])
    s.add(root)
    s.flush()
    s.add_all(Item(code="C%02d" % i, node=root.children[i % 2], price=decimal.Decimal(i), colour=list(Colour)[i % 2], day=datetime.date(2024, 2, 29),
                   made=datetime.datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=datetime.timezone.utc), span=datetime.timedelta(days=i, seconds=3),
                   data={"n": i, "l": [1, None, {"x": "y"}]}, tags=["a", "b%d" % i, None], raw=bytes([i, 255]), key=uuid.UUID(int=i), ip="10.0.0.%d/8" % i,
                   ratio=i / 3) for i in range(6))
with Session() as s:
    x = s.execute(sa.select(Item).where(Item.code == "C03")).unique().scalar_one()
    print(x.id, x.node.name, x.node.parent.name, x.price, x.twice, x.colour, x.made.astimezone(datetime.timezone.utc), x.span, x.data, x.tags, bytes(x.raw), x.key, x.ip, x.flag, x.ratio, x.version)
    x.price = None
    x.data = {"changed": True}
    s.commit()
    print(x.version, x.twice, x.data, s.scalars(sa.select(Item.shown).order_by(Item.id).limit(2)).all())
    with engine.begin() as c:
        c.execute(sa.update(Item.__table__).where(Item.__table__.c.id == x.id).values(version=99))
    x.code = "stale"
    try:
        s.commit()
    except orm.exc.StaleDataError:
        print("StaleDataError")
        s.rollback()
    print(s.execute(sa.select(Node.name, sa.func.count(Item.id)).outerjoin(Item).group_by(Node.name).order_by(Node.name)).all())
    print(s.execute(sa.select(Item.data["l"][2]["x"].astext, Item.tags[2], Item.tags.any("a")).order_by(Item.id).where(Item.data.contains({"n": 1}))).all())
    tree = sa.select(Node.id, Node.name, sa.literal(0).label("depth")).where(Node.parent_id.is_(None)).cte("tree", recursive=True)
    tree = tree.union_all(sa.select(Node.id, Node.name, tree.c.depth + 1).join(tree, Node.parent_id == tree.c.id))
    print(s.execute(sa.select(tree.c.name, tree.c.depth).order_by(tree.c.depth, tree.c.name)).all())
    print(s.execute(sa.select(Item.code, sa.func.sum(Item.ratio).over(partition_by=Item.node_id, order_by=Item.id)).order_by(Item.id)).all())
    with s.begin_nested():
        s.add(Node(name="kept"))
    try:
        with s.begin_nested():
            s.add(Item(code="c00", flag=False))
            s.flush()
    except sa.exc.IntegrityError as e:
        print(type(e.orig).__name__, e.orig.diag.constraint_name)
    s.commit()
    print(s.scalars(sa.select(Node.name).order_by(Node.name)).all())
    s.delete(s.scalars(sa.select(Node).where(Node.name == "root")).one())
    s.commit()
    print(s.scalars(sa.select(Node.name)).all(), s.execute(sa.select(sa.func.count(), sa.func.count(Item.node_id)).select_from(Item.__table__)).all())

# Core.
items = Item.__table__
with engine.begin() as c:
    r = c.execute(items.insert().returning(items.c.id, items.c.twice), [{"code": "v%d" % i, "price": i, "version": 1} for i in range(1)])
    print(r.fetchall(), r.rowcount)
    r = c.execute(items.insert(), [{"code": "m%d" % i, "price": i, "version": 1} for i in range(500)])
    print(r.rowcount, c.scalar(sa.select(sa.func.sum(items.c.twice))), c.scalar(sa.select(sa.Sequence("ticket").next_value())), c.scalar(sa.select(sa.Sequence("ticket").next_value())))
    up = pg.insert(items).values([{"code": "m1", "price": 7, "version": 1}, {"code": "new", "price": 8, "version": 1}])
    up = up.on_conflict_do_update(index_elements=[sa.text("lower(code)")], set_={"price": up.excluded.price + items.c.price}).returning(items.c.code, items.c.price)
    print(c.execute(up).all())
    print(c.execute(items.update().where(items.c.price > 490).values(price=items.c.price + 1).returning(items.c.code, items.c.price)).rowcount)
    print(c.execute(items.delete().where(items.c.code.in_(["m2", "m3", "nope"])).returning(items.c.code)).rowcount)
    print([row.code for row in c.execution_options(stream_results=True, max_row_buffer=50).execute(sa.select(items.c.code).order_by(items.c.id))][-1])
for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "AUTOCOMMIT"):
    with engine.connect().execution_options(isolation_level=level) as c:
        print(level, c.scalar(sa.text("show transaction_isolation")), c.get_isolation_level())


def run(statement, *args):
    def f():
        with engine.begin() as c:
            c.execute(statement, *args)
    return f


fails("unique", run(items.insert().values(code="M4", version=1)))
fails("check", run(items.insert().values(code="q", price=-1, version=1)))
fails("not null", run(items.insert().values(code=None, version=1)))
fails("foreign key", run(items.insert().values(code="q", node_id=4711, version=1)))
fails("deferred", run(Node.__table__.insert().values(name="q", parent_id=4711)))
fails("enum", run(sa.text("insert into item (code, version, colour) values ('q', 1, 'green')")))
fails("generated", run(sa.text("insert into item (code, version, twice) values ('q', 1, 2)")))
fails("division", run(sa.text("select 1/0")))
fails("cast", run(sa.text("select 'x'::int")))

# Alembic.
with engine.begin() as c:
    context = MigrationContext.configure(c, opts={"compare_type": True, "compare_server_default": True, "target_metadata": Base.metadata,
                                                  "include_object": lambda o, name, kind, reflected, to: name not in ("item_lower", "item_include")})
    print([d[0] if isinstance(d, tuple) else d for d in compare_metadata(context, Base.metadata)])
    op = Operations(context)
    op.add_column("item", sa.Column("note", sa.String(10), server_default="n", nullable=False))
    op.alter_column("item", "note", type_=sa.Text(), server_default=None, new_column_name="notes")
    op.alter_column("item", "ratio", type_=sa.Numeric(20, 4), postgresql_using="ratio::numeric(20,4)")
    op.create_index("item_notes", "item", ["notes"])
    op.create_check_constraint("notes", "item", "length(notes) < 100")
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True), sa.Column("item", sa.Integer, sa.ForeignKey("item.id")), sa.Column("at", sa.DateTime, server_default=sa.func.now()))
    op.bulk_insert(sa.table("extra", sa.column("id"), sa.column("item")), [{"id": 1, "item": None}, {"id": 2, "item": None}])
    op.execute("alter type colour add value 'green'")
    op.rename_table("extra", "more")
    context._ensure_version_table()
reflect()
with engine.begin() as c:
    op = Operations(MigrationContext.configure(c))
    op.drop_table("more")
    op.drop_constraint("ck_item_notes", "item")
    op.drop_index("item_notes", "item")
    op.drop_column("item", "notes")
with engine.begin() as c:
    c.exec_driver_sql("drop schema other cascade")
Base.metadata.drop_all(engine)
print(sa.inspect(engine).get_table_names(), sa.inspect(engine).get_enums())
engine.dispose()
with admin.connect() as c:
    c.exec_driver_sql("drop database alchemy")
