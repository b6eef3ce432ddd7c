-- Who did it, as a provider proved them: a name can be chosen anew between a grant and its approval.
ALTER TABLE exemption_history ADD COLUMN done_organization TEXT;
ALTER TABLE exemption_history ADD COLUMN done_provider TEXT;
ALTER TABLE exemption_history ADD COLUMN done_subject TEXT;
