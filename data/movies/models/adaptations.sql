-- Movies that are based on books: each pair of a movie and a book that some review names together, and in how many places.
-- Ids are ours, since the vendor's may be missing or change: the first 16 hex digits of the SHA-256 of the folded title, so
-- a title has the same id in every drop.
select
  left(encode(sha256(convert_to(movie.folded, 'UTF8')), 'hex'), 16) as movie_id,
  left(encode(sha256(convert_to(book.folded, 'UTF8')), 'hex'), 16) as book_id,
  movie.folded as movie_folded,
  book.folded as book_folded,
  min(m.book_title) as book_title,
  min(m.vendor_book_id) as vendor_book_id,
  count(*)::integer as meetings
from movies.meetings as m
join movies.spellings as movie on movie.written = m.movie_title
join movies.spellings as book on book.written = m.book_title
group by movie.folded, book.folded
