#!/bin/sh
# Creates the namespace and the search attributes that incidents are found by. May be run any number of times.
# The server and the namespace come from TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, how long closed workflows are kept
# from TEMPORAL_RETENTION; repeated alerts are recognised only within that time.
set -eu

# A server answers for a new namespace or attribute only after it has read its list of namespaces again, some
# seconds later; until then it refuses to start an incident.
wait_until() {
    attempts=60
    until "$@" >/dev/null 2>&1; do
        attempts=$((attempts - 1))
        if [ "$attempts" -eq 0 ]; then
            echo "$TEMPORAL_ADDRESS still refuses after 60 tries: $*; look at the server's log, then run this again" >&2
            exit 1
        fi
        sleep 1
    done
}

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
else
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
fi
wait_until temporal workflow count --namespace "$TEMPORAL_NAMESPACE"

while read -r name type; do
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
done <<ATTRIBUTES
TocsinIncident Keyword
TocsinPlan Keyword
TocsinSeverity Keyword
TocsinPhase Keyword
TocsinStatus Keyword
TocsinNextDeadline Datetime
TocsinOverdue Bool
ATTRIBUTES
# Known last, it stands for all.
wait_until temporal workflow count --namespace "$TEMPORAL_NAMESPACE" --query "TocsinOverdue is null"
