-- One row for each movie, however many rows of movies.csv its title covers, and also for a movie that was streamed and stands
-- in no list. It is written as most of those rows write it. Of several books the one that meets it most often is its book;
-- of equals the first by name.
with titles as (
  select s.folded, t.title, t.listed, count(*) as times
  from (
    select title, true as listed from movies.movies
    union all
    select movie_title, false from movies.streams
  ) as t
  join movies.spellings as s on s.written = t.title
  group by s.folded, t.title, t.listed
),

chosen as (
  select distinct on (folded)
    folded,
    title,
    listed
  from titles
  order by folded, listed desc, times desc, title collate "C"
),

lengths as (
  select
    s.folded,
    count(*)::integer as rows_in_list,
    min(m.duration_mins) as shortest_mins,
    max(m.duration_mins) as longest_mins
  from movies.movies as m
  join movies.spellings as s on s.written = m.title
  group by s.folded
),

books as (
  select distinct on (movie_folded) movie_folded, book_id, book_title
  from movies.adaptations
  order by movie_folded, meetings desc, book_folded collate "C"
),

vendors as (
  select s.folded, min(m.vendor_movie_id) as vendor_movie_id
  from movies.meetings as m
  join movies.spellings as s on s.written = m.movie_title
  group by s.folded
)

select
  left(encode(sha256(convert_to(chosen.folded, 'UTF8')), 'hex'), 16) as movie_id,
  chosen.title,
  chosen.folded,
  chosen.listed,
  coalesce(lengths.rows_in_list, 0) as rows_in_list,
  lengths.shortest_mins,
  lengths.longest_mins,
  vendors.vendor_movie_id,
  books.book_id is not null as based_on_book,
  books.book_id,
  books.book_title
from chosen
left join lengths on lengths.folded = chosen.folded
left join books on books.movie_folded = chosen.folded
left join vendors on vendors.folded = chosen.folded
