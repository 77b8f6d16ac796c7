"""A local SendGrid, Twilio and inbox: the embedded default vendor, and the double that the tests send to.

The vendors' own SDKs run against it unchanged; only their base URL differs. It accepts what the vendors accept,
refuses what they refuse, reports back with their signatures, and shows on one page what was sent and lets a
person answer.

    __main__   the command line                      server     `Sandbox`: start, stop, look inside
    app        wires the parts into one ASGI app     config     what can be configured, with its defaults
    sendgrid   mail: HTTP and delivery               mail_rules, mail_fields   what is refused
    messages   SMS: HTTP, delivery, replies          sms_rules, segments       what is refused, what it costs
    calls      phone: HTTP, and who is connected     line, twiml               one call, and what it is told to do
    twilio     what messages and calls have in common
    store      what was sent                         models, journal           its shape; the same, on disk
    callbacks  reports back                          signing, tasks            whose they are; work in the background
    faults     bad days                              wire                      resets connections
    control    the JSON API                          page                      the web page
"""
