from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Author(models.Model):
    name = models.CharField(max_length=40, unique=True)
    born = models.DateField(null=True)
    meta = models.JSONField(default=dict)
    tags = ArrayField(models.CharField(max_length=10), default=list)

    class Meta:
        ordering = ["name"]


class Tag(models.Model):
    slug = models.SlugField(primary_key=True)


class Book(models.Model):
    title = models.CharField(max_length=80, db_index=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    added = models.DateTimeField(null=True)
    isbn = models.UUIDField(null=True, unique=True)
    cover = models.BinaryField(null=True)
    length = models.DurationField(null=True)
    tags = models.ManyToManyField(Tag)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(check=Q(price__gt=0), name="book_price_positive"),
            models.UniqueConstraint(fields=["author", "title"], name="book_once"),
            models.UniqueConstraint(fields=["title"], condition=Q(stock__gt=100), name="book_bestseller"),
            models.UniqueConstraint(fields=["price", "stock"], deferrable=models.Deferrable.DEFERRED, name="book_odd"),
        ]
        indexes = [models.Index(fields=["author", "-price"], name="book_expr"),
                   models.Index(fields=["-stock"], condition=Q(stock__gt=0), name="book_stock"),
                   models.Index(fields=["title"], include=["price"], name="book_cover")]


class Review(models.Model):
    book = models.ForeignKey(Book, on_delete=models.DO_NOTHING, db_constraint=True)
    text = models.TextField()
