"""Pictures, sound and waveforms in real time.

=====================  ================================================================================================
on the vehicle         `camera` (stamped pictures from a `camera_source`), `encoder`, `sender` (publish, and again)
how much is sent       `rate_control` (bit/s from the receiver's reports), `quality` (the ladder), `pacer`
on the hub             `signalling` (SDP checks, WHIP and WHEP), `forwarder` (sessions), `video_stream`, `wave_stream`
at the viewer          `receiver` (headless), `browser/` (video tile, sweep trace)
files of the crew      `file_types` (what is taken), `bulk` (pieces to files), `bulk_door` (tus 1.0)
recordings             `recording` (one, while it runs), `recording_file` (form), `recordings` (folder), `retention`
voice                  `voice` (who is on, packets to the others), `voice_door`, `voice_log`, `browser/voice_panel.js`
waves that are kept    `wave_file` (form), `wave_record` and `wave_door` (the hub's, with its ledger), `held`
marks on the scene     `guidance/` (drawn by a physician, carried by the vehicle, shown by every viewer)
when packets are lost  `losses` (ask, wait, give up), `receive_buffer` (whole frames only), `retransmission` (budget)
shared                 `waveforms` (wire format), `stamp` (frame identity and age), `link` (keep connected), `numbering`
aiortc's inside        `aiortc_private/`, and nowhere else; `listen_on` there chooses the addresses, loopback included
=====================  ================================================================================================

Nothing is imported here: a hub has no need of OpenCV, nor a vehicle with a real camera.
"""
