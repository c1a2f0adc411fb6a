"""Django: migrations up and down, introspection, and the ORM against one server, printed for comparison."""
import datetime
import decimal
import os
import sys
import uuid

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
                           "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop"],
    USE_TZ=True, SECRET_KEY="x", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
django.setup()

from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Avg, Count, Exists, F, OuterRef, Q, Sum, Window
from django.db.models.functions import Coalesce, Lower, Rank, TruncMonth
from shop.models import Author, Book, Review, Tag


def fails(label, f):
    try:
        with transaction.atomic():
            f()
        print(label, "did not fail")
    except DatabaseError as e:
        cause = e.__cause__
        print(label, type(e).__name__, cause.pgcode, cause.diag.message_primary, "|", cause.diag.message_detail, "|",
              cause.diag.table_name, cause.diag.column_name, cause.diag.constraint_name)


def tables(cursor):
    for t in sorted(connection.introspection.get_table_list(cursor)):
        print(t.name, t.type)
        for c in connection.introspection.get_table_description(cursor, t.name):
            print("   ", c.name, c.type_code, c.null_ok, c.default, c.precision, c.scale)
        for name, k in sorted(connection.introspection.get_constraints(cursor, t.name).items()):
            print("   ", name, sorted(k.items(), key=str))
        print("   ", connection.introspection.get_sequences(cursor, t.name), connection.introspection.get_primary_key_column(cursor, t.name),
              sorted(connection.introspection.get_relations(cursor, t.name).items()))


name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
print("database", name, connection.settings_dict["NAME"])
with connection.cursor() as cursor:
    tables(cursor)
call_command("inspectdb")
call_command("migrate", "--check")
call_command("makemigrations", "--check", "--dry-run")

# Objects and their associations.
ada = Author.objects.create(name="Ada", born=datetime.date(1815, 12, 10), meta={"a": [1, {"b": None}]}, tags=["x", "y"])
bob = Author.objects.create(name="Bob", meta={"a": 2})
Tag.objects.bulk_create([Tag(slug=s) for s in ("old", "new", "red")])
when = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc)
books = Book.objects.bulk_create(
    Book(title="T%02d" % i, author=(ada, bob)[i % 2], price=decimal.Decimal(i) + decimal.Decimal("0.50"), stock=i * 10, added=when + datetime.timedelta(days=i),
         isbn=uuid.UUID(int=i), cover=bytes([i, 0, 255]), length=datetime.timedelta(hours=i, microseconds=5)) for i in range(20))
print("bulk", [b.pk for b in books])
books[0].tags.set(["old", "red"])
books[1].tags.add("old")
print(list(Book.objects.filter(tags__slug="old").values_list("title", flat=True)), list(Tag.objects.filter(book__author=ada).order_by("slug").distinct().values_list("slug")))
print(list(Author.objects.annotate(n=Count("books"), s=Sum("books__price"), a=Avg("books__stock")).order_by("name").values_list("name", "n", "s", "a")))
print(list(Book.objects.annotate(m=TruncMonth("added")).values("m").annotate(n=Count("*")).order_by("m").values_list("m", "n")))
print(list(Book.objects.annotate(r=Window(Rank(), partition_by=F("author"), order_by=F("price").desc())).order_by("author", "r").values_list("title", "r")[:6]))
print(list(Author.objects.filter(Exists(Book.objects.filter(author=OuterRef("pk"), price__gt=19))).values_list(Lower("name"), flat=True)))
print(list(Author.objects.filter(meta__a__1__b=None).values_list("name")), list(Author.objects.filter(meta__a=2).values_list("name", "meta__a")),
      list(Author.objects.filter(tags__contains=["x"]).values_list("name", "tags__0", "tags__len")), list(Author.objects.filter(meta__has_key="a").values_list("name")))
b = Book.objects.select_related("author").get(title="T03")
print(b.author.name, b.price, b.isbn, bytes(b.cover), b.length, b.added)
print([(a.name, [x.title for x in a.books.all()][:2]) for a in Author.objects.prefetch_related("books")])
print(Book.objects.filter(stock__gt=150).update(stock=F("stock") + 1), Book.objects.filter(Q(title__icontains="t1") & ~Q(title__endswith="9")).count(),
      Book.objects.filter(title__regex=r"^T0[1-3]$").count(), Book.objects.filter(added__year=2024, added__week_day=2).count())
for x in books[:3]:
    x.price += 100
print(Book.objects.bulk_update(books[:3], ["price"]), list(Book.objects.values_list("price", flat=True)[:4]))
print(Author.objects.update_or_create(name="Ada", defaults={"born": None})[1], Author.objects.get_or_create(name="Cyd")[1])
print(len(Author.objects.bulk_create([Author(name="Ada"), Author(name="Eve")], ignore_conflicts=True)), Author.objects.count())
print(Book.objects.aggregate(total=Coalesce(Sum("stock"), 0), n=Count("author", distinct=True)), Book.objects.union(Book.objects.all()).count())
print(list(Book.objects.raw("select id, title from shop_book where price > %s order by id", [18]))[0].title, Book.objects.in_bulk([1, 2]).keys())
with transaction.atomic():
    print(list(Book.objects.select_for_update(of=("self",), skip_locked=True).filter(pk__lte=2).select_related("author").values_list("pk", flat=True)))
print([x.title for x in Book.objects.iterator(chunk_size=7)][-2:], Book.objects.explain()[:4] != "")

# Errors, and transactions within transactions.
fails("unique", lambda: Author.objects.create(name="Ada"))
fails("not null", lambda: Author.objects.create(name=None))
fails("check", lambda: Book.objects.create(title="bad", author=ada, price=0))
fails("together", lambda: Book.objects.create(title="T01", author=bob, price=1))
fails("deferred unique", lambda: Book.objects.create(title="odd", author=bob, price=books[5].price, stock=books[5].stock))
fails("foreign key at the commit", lambda: Review.objects.create(book_id=4711, text=""))
fails("too long", lambda: Author.objects.create(name="x" * 41))
fails("numeric", lambda: Book.objects.filter(pk=1).update(price=decimal.Decimal("1e7")))
fails("syntax", lambda: connection.cursor().execute("selec 1"))
fails("table", lambda: connection.cursor().execute("select * from nope"))
Review.objects.create(book=books[1], text="x")


def constrained():
    Book.objects.filter(pk=books[1].pk).delete()
    connection.check_constraints()


fails("deferred", constrained)
with transaction.atomic():
    Author.objects.create(name="kept")
    try:
        with transaction.atomic():
            Author.objects.create(name="lost")
            raise ValueError
    except ValueError:
        pass
    sid = transaction.savepoint()
    Author.objects.create(name="rolled back")
    transaction.savepoint_rollback(sid)
    transaction.on_commit(lambda: print("committed"))
print(list(Author.objects.values_list("name", flat=True)))
Review.objects.all().delete()
print(sorted(ada.delete()[1].items()), Book.objects.count())

# Schemas as migrations alter them.
with connection.schema_editor() as e:
    f = models.IntegerField(default=7)
    f.set_attributes_from_name("extra")
    f.model = Book
    e.add_field(Book, f)
    g = models.CharField(max_length=20, null=True, db_index=True)
    g.set_attributes_from_name("extra")
    g.model = Book
    e.alter_field(Book, f, g)
    h = models.TextField(default="z")
    h.set_attributes_from_name("more")
    h.model = Book
    e.alter_field(Book, g, h)
    e.alter_db_table(Tag, "shop_tag", "shop_label")
with connection.cursor() as cursor:
    print([c.name for c in connection.introspection.get_table_description(cursor, "shop_book")], "shop_label" in connection.introspection.table_names())
with connection.schema_editor() as e:
    e.remove_field(Book, h)
    e.alter_db_table(Tag, "shop_label", "shop_tag")
call_command("flush", "--noinput", verbosity=0)
print(Author.objects.count(), Author.objects.create(name="first").pk)
call_command("migrate", "shop", "zero", verbosity=1)
call_command("migrate", "contenttypes", "zero", verbosity=0)
with connection.cursor() as cursor:
    print(sorted(connection.introspection.table_names(cursor)))
connection.creation.destroy_test_db("postgres", verbosity=0)
connection.connect()
with connection.cursor() as cursor:
    cursor.execute("select datname from pg_database order by 1")
    print(cursor.fetchall())
