-- Share of streamed movies that are based on a book, in percent.
-- A movie is based on a book when a review of the vendor names both; titles meet whatever their case, accents,
-- punctuation and spaces. Counted per movie (each title that was streamed once, however often) or per stream. Streams
-- without a title are left out.
-- :per text = movie | stream -- what is counted
select
  :per as per,
  sum(n) as streamed,
  coalesce(sum(n) filter (where based_on_book), 0) as based_on_books,
  round(100 * coalesce(sum(n) filter (where based_on_book), 0) / sum(n), 2) as share_percent,
  count(*) filter (where not listed) as movies_in_no_list
from (
  select c.based_on_book, c.listed, case :per when 'movie' then 1 else count(*) end as n
  from movies.distinct_streams as s
  join movies.spellings as p on p.written = s.movie_title
  join movies.catalog as c on c.folded = p.folded
  group by c.movie_id, c.based_on_book, c.listed
) as streamed
