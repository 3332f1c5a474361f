-- Movies based on books by Singaporean (or other) authors that were streamed in a month; also streams and users.
-- Users are counted by email. A stream belongs to the month in which it began, in time_zone. A nationality is meant by
-- its label with and without an s: Singaporean is also Singaporeans. Book, author and movie meet by titles and names
-- whatever their case, accents, punctuation and spaces; of a movie that meets several books one such book is enough.
-- :month date -- any day of the month, such as 2021-12-01
-- :nationality text = Singaporean -- without the s
-- :time_zone text = UTC -- where the month begins, such as Europe/Amsterdam
with authors as (
  select distinct s.folded
  from movies.author_nationalities as a
  join movies.spellings as s on s.written = a.name
  where lower(btrim(a.nationality)) in (lower(btrim(:nationality)), lower(btrim(:nationality)) || 's')
),

adapted as (
  select distinct d.movie_folded
  from movies.books as b
  join movies.spellings as writer on writer.written = b.author
  join authors on authors.folded = writer.folded
  join movies.spellings as named on named.written = b.name
  join movies.adaptations as d on d.book_folded = named.folded
)

select
  count(distinct adapted.movie_folded) as movies,
  count(*) as streams,
  count(distinct s.user_email) as users
from movies.distinct_streams as s
join movies.spellings as p on p.written = s.movie_title
join adapted on adapted.movie_folded = p.folded
where
  s.start_at >= date_trunc('month', :month::timestamp) at time zone :time_zone
  and s.start_at < (date_trunc('month', :month::timestamp) + interval '1 month') at time zone :time_zone
