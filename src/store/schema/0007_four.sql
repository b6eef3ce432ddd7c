-- A travel link is made when its message is written. What was kept of links before is forgotten, and
-- with it the link: those messages go out without one.
UPDATE notices SET details = '{}' WHERE details LIKE '%"link":%';
