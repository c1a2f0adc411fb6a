create schema shop;
create table shop.parent (
  id serial primary key,
  code varchar(10) not null constraint parent_code_key unique deferrable,
  amount numeric(10,2) default 0.5,
  "Odd Name" text default 'it''s',
  created timestamptz default now(),
  tags int[],
  c char(3),
  constraint parent_amount_check check (amount > 0),
  constraint parent_code_check check (code <> '' and length(code) < 10 or amount is null)
);
create table shop.child (
  a int, b bigint default -1, parent_id int,
  d date default current_date, f float8 default 1, flag boolean default true not null,
  constraint child_pkey primary key (a, b),
  constraint child_fk foreign key (parent_id) references shop.parent (id) on update restrict on delete cascade deferrable initially deferred,
  constraint child_in check (a in (1, 2, 3)),
  constraint child_arith check ((a + 1) * 2 - a > 0 and not flag is null),
  constraint child_between check (a between 1 and 10)
);
create index child_b_idx on shop.child (b desc, a nulls first);
create index child_hash on shop.child using hash (parent_id);
comment on table shop.child is 'the child';
comment on column shop.child.a is 'its key';
