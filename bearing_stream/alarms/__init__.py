"""From diagnoses to alarms: the deterministic part, which needs no Kafka client and no torch.

`Engine` holds the state of the sensors of one partition and turns diagnoses, commands and silence
into transitions of alarms; `Rules` states when, and `states` what an alarm displays.
"""
