create table customers (id integer primary key, name text, city text);
create table orders (id integer primary key, customer_id integer, product text, price real);
insert into customers values (1, 'Ada', 'Oslo'), (2, 'Ben', 'Rome'), (3, 'Cleo', 'Oslo'), (4, 'Dan', 'Paris');
insert into orders values
    (1, 1, 'lamp', 20), (2, 1, 'desk', 90), (3, 2, 'lamp', 20), (4, 3, 'chair', 45), (5, 3, 'lamp', 20), (6, 4, 'rug', 60);
