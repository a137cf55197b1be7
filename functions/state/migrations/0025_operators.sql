-- Who may act on the products of a domain, where its metadata says so.

CREATE TABLE domain_operators (
    domain text PRIMARY KEY,
    operators text[] NOT NULL           -- ARNs of roles and users; `*` stands for anything
);
