"""How long a person waits for the first message, what a burst, a flood and a bad day do, and what an incident costs:
`make bench`.

Everything runs as it does with `make up`, each in its own process: a Temporal server on SQLite, the receiver, a worker
and the vendors' stand-in. The yardstick is a bare workflow on the same server in the same run, its samples taken turn
about with ours, so that whatever else the machine does hits both. What leaves hundreds of open incidents and thousands
of mails behind has a stand of its own, new from the database up.

    stand           starts and ends the processes
    accounts        the same, with a second account at Twilio
    plans           the shipped plans, without digests
    monitor         sends alerts, each of its own
    inbox           reads at the sandbox what arrived, and when
    bare            the yardsticks, with their activities (bare_steps) and their process (bare_worker)
    first_message   one alert at a time: until it is accepted, until the first message has arrived
    burst           many alerts from several clients at once
    busy            one alert at a time, while hundreds of incidents are worked on
    pages           a thousand pages at once
    broadcast       a message to 100,000
    storm           thousands of repeats and of new alerts together
    ingest          how many alerts a second one receiver takes; line: a client that costs next to nothing
    faults          a dead account, and vendors that fail now and then
    whole_incident  history events, from the alert until nothing is owed any more; driven by a responder
    percentiles     what p50, p95 and p99 are here
    machine         where it ran
    report, chart   the results, for programs and for people

No number is ever a test's condition: machines differ, and a slow one is not a broken one.
"""
