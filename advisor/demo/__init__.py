"""The main job on simulated providers: real collectors, engine, store and outbox; a stepping clock."""
