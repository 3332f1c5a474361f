-- Where a movie and a book meet: one row for each movie of a review and each book of the same review. A movie whose review
-- names no book has one row without a book. A book is an object with its title inside, or the title alone.
select
  r.movie_title,
  r.movie_id as vendor_movie_id,
  b.title as book_title,
  b.id as vendor_book_id
from movies.review_movies as r
left join lateral (
  select
    case jsonb_typeof(entry.book)
      when 'string' then entry.book #>> '{}'
      when 'object' then coalesce(entry.book -> 'metadata' ->> 'title', entry.book ->> 'title')
    end as title,
    case jsonb_typeof(entry.book) when 'object' then entry.book ->> 'id' end as id
  from jsonb_array_elements(case jsonb_typeof(r.books) when 'array' then r.books else '[]' end) as entry (book)
) as b on btrim(b.title) <> ''
