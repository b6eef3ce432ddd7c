-- Who surely asked whom a pseudonym stands for: provider and the name there that never changes. The
-- other of the two has to be another person, whatever name they go by.
ALTER TABLE reidentifications ADD COLUMN asked_person TEXT;
