-- Every stream once. A stream is a title, a user, a size, a start and an end: rows that repeat all five are one stream,
-- whichever files they are in. All reports count these.
select distinct movie_title, user_email, size_mb, start_at, end_at
from movies.streams
