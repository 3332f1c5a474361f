-- The titles that movies_by_author_nationality counts, with their books, streams in the month, and users.
-- The parameters are the same. Users are counted by email.
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
  select d.movie_folded, string_agg(distinct b.name || ' by ' || b.author, '; ') as books
  from movies.books as b
  join movies.spellings as writer on writer.written = b.author
  join authors on authors.folded = writer.folded
  join movies.spellings as named on named.written = b.name
  join movies.adaptations as d on d.book_folded = named.folded
  group by d.movie_folded
)

select
  c.title,
  adapted.books,
  count(*) as streams,
  count(distinct s.user_email) as users
from movies.distinct_streams as s
join movies.spellings as p on p.written = s.movie_title
join adapted on adapted.movie_folded = p.folded
join movies.catalog as c on c.folded = p.folded
where
  s.start_at >= date_trunc('month', :month::timestamp) at time zone :time_zone
  and s.start_at < (date_trunc('month', :month::timestamp) + interval '1 month') at time zone :time_zone
group by c.title, adapted.books
order by streams desc, c.title collate "C"
