-- Where a movie and a book meet: a flat review names one movie and one book, or none, and neither has an id.
select
  movie_title,
  null::text as vendor_movie_id,
  nullif(book_title, '') as book_title,
  null::text as vendor_book_id
from movies.review_movies
