"""A local SendGrid, Twilio and inbox: the embedded default vendor, and the double that the tests send to.

The vendors' own SDKs run against it unchanged; only their base URL differs. It accepts what the vendors accept,
refuses what they refuse, reports back with their signatures, and shows on one page what was sent and lets a
person answer.

    __main__   the command line                      server     `Sandbox`: start, stop, look inside
    app        wires the parts into one ASGI app     config     what can be configured, with its defaults
    sendgrid   mail: HTTP       mail_rules  mail: what is refused
    twilio     shared rules     messages    SMS: HTTP and delivery     calls  phone: HTTP
    line       one phone call   twiml       what a call is told to say and do
    store      what was sent    journal     the same, on disk
    callbacks  reports back     signing     and proves who they are from
    faults     bad days         wire        resets connections
    control    the JSON API     page        the web page
"""
