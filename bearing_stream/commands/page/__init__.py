"""A live page of the fleet in a browser: which machine needs a person, and why.

- `reader.DiagnosisThread` follows the committed diagnoses of the topic;
- `fleet.Fleet` holds the state of each sensor, in bounded memory, without Kafka: `states` are those
  of machines and of instruments, `history` and `rollup` hold what was and how many;
- `alarm_reader.AlarmThread` follows the alarms, and `alarm_table.AlarmTable` holds those that a
  person should see;
- `stream.Stream` sends what has changed to the browsers, a few times a second;
- `window.WindowReader` reads one measurement when a browser asks for it;
- `acting.Operator` sends what a person asks of an alarm, and returns what comes of it;
- `app` has the routes, `guard` who may use them, `static` what runs in the browser.
"""
