"""What the Glue Data Catalog says of products at their tables: parameters that begin with `headgate:`. Nothing else of a table is changed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MARK = "headgate:"
OWNED_BY = f"{MARK}product"
TRIES = 5  # while others change the same table


@dataclass(frozen=True, order=True)
class Table:
    """By its database and its name."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


@dataclass(frozen=True)
class Update:
    """What is written to a table: `action` is set, remove, same (nothing is to be changed) or absent (there is no such table)."""

    table: Table
    product: str
    action: str
    parameters: Mapping[str, str]


class TableChangedError(RuntimeError):
    """Others have changed the table again and again; the message is for the user."""


@dataclass(frozen=True)
class GlueTables:
    """Of one account and region."""

    glue: Any

    def updates(
        self, wanted: Mapping[Table, Mapping[str, str]], databases: Iterable[str], domains: Iterable[str]
    ) -> list[Update]:
        """What is to be done so that the tables have these parameters, and no other table of the databases has those of a product of the domains."""
        found = [self._update(table, parameters) for table, parameters in sorted(wanted.items())]
        everywhere = {*databases, *(table.database for table in wanted)}
        for table, product in self._marked(sorted(everywhere)):
            if table not in wanted and product.split("/")[0] in domains:
                found.append(Update(table, product, "remove", {}))
        return found

    def apply(self, update: Update) -> None:
        """Writes what the catalog has of the table with the parameters of the update. A table that others change meanwhile is read again. Raises
        `TableChangedError`."""
        from botocore.exceptions import ClientError

        for _ in range(TRIES):
            table = self._table(update.table)
            if table is None:
                return
            kept = {key: value for key, value in table.get("Parameters", {}).items() if not key.startswith(MARK)}
            content = {key: value for key, value in table.items() if key in self._writable}
            version = {"VersionId": table["VersionId"]} if "VersionId" in table else {}
            try:
                self.glue.update_table(
                    DatabaseName=update.table.database, TableInput={**content, "Parameters": {**kept, **update.parameters}}, SkipArchive=True,
                    **version,
                )  # fmt: skip
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConcurrentModificationException":
                    raise
        raise TableChangedError(f"{update.table} was changed by others {TRIES} times meanwhile; try again")

    def _update(self, table: Table, parameters: Mapping[str, str]) -> Update:
        found = self._table(table)
        if found is None:
            return Update(table, parameters[OWNED_BY], "absent", parameters)
        same = _marks(found) == parameters
        return Update(table, parameters[OWNED_BY], "same" if same else "set", parameters)

    def _table(self, table: Table) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self.glue.get_table(DatabaseName=table.database, Name=table.name)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise
            return None
        return found

    def _marked(self, databases: Iterable[str]) -> Iterator[tuple[Table, str]]:
        from botocore.exceptions import ClientError

        for database in databases:
            try:
                for page in self.glue.get_paginator("get_tables").paginate(DatabaseName=database):
                    for each in page["TableList"]:
                        if product := _marks(each).get(OWNED_BY):
                            yield Table(database, each["Name"]), product
            except ClientError as error:
                if error.response["Error"]["Code"] != "EntityNotFoundException":
                    raise

    @cached_property
    def _writable(self) -> frozenset[str]:
        """What UpdateTable takes of what GetTable answers: the rest (who made it, when, of which version) is refused."""
        shape = self.glue.meta.service_model.shape_for("TableInput")
        return frozenset(shape.members)


def _marks(table: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in table.get("Parameters", {}).items() if key.startswith(MARK)}
