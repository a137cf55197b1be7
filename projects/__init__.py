"""A project: what in its folder belongs to Headgate, how it begins, and how it comes to another version. No part of the generator."""
