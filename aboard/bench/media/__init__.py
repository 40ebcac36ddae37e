"""`aboard bench media`: what the media plane does on a good and on a bad link, beside stock aiortc, Janus and a relay
that decodes, each in processes of its own.

`clean` measures on loopback, `bad_links` and `outage` behind a seeded relay (`thin_link`), `encode` the encoders; the
other modules are the rest of the cases that `running` names. `stage` puts the processes (`vehicles`, `hub`, `viewers`)
together, `seen` says what follows from what they saw.
"""
