#!/bin/sh
# Creates Temporal's two databases and brings their schemas to the version of this image. May be run any number of times.
# The connection comes from SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

migrate() {
    database=$1 schema=$2
    temporal-sql-tool --database "$database" create-database
    temporal-sql-tool --database "$database" setup-schema --version 0.0
    temporal-sql-tool --database "$database" update-schema --schema-name "$schema"
}

migrate temporal postgresql/v12/temporal
migrate temporal_visibility postgresql/v12/visibility
