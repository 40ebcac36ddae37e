"""Marks that stick to the scene: what a physician draws on a picture, carried to where it is now.

=====================  ================================================================================================
what a mark is         `marks` (kinds, bounds, palette), `wire` (live words between viewer, hub and vehicle)
where it is now        `sight` (can this picture be followed at all), `anchor` (one mark, frame to frame),
                       `relocate` (found again after looking away), `tags` (triage tags), `tracker` (all of a vehicle)
on the vehicle         `follower` (the tracker in a thread of its own, fed by the camera)
on the hub             `relay` (who looks at which vehicle; places, pointers and names passed on, nothing kept)
=====================  ================================================================================================

Nothing is drawn into a picture here: viewers and the crew's display draw, from a mark and the place of its anchor. Only
`marks`, `wire` and `relay` are for a hub; the others need OpenCV and belong to the vehicle.
"""
