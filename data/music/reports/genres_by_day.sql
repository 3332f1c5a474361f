-- The genres of each day with the most listens, and their share of the day's listens.
-- listens: one user, one track, one second; a listen counts for each genre of its track. share_percent: of all listens
-- of the day, in percent. mean_popularity: from 0 to 100, each song as often as it was listened to. Of genres with as
-- many listens the one comes first whose name does, byte by byte. most_popular_track: see models/genre_day.sql.
-- :from date = -infinity         -- the first day
-- :to date = infinity            -- the last day
-- :top integer = 5               -- so many genres of each day
-- :genre text = ''               -- only this genre; '' is every genre
with placed as (
  select g.*,
         row_number() over (partition by g.day order by g.listen_count desc, g.genre collate "C") as place
    from music.genre_day as g
   where g.day between :from and :to and (:genre = '' or g.genre = :genre)
)
select day,
       place,
       genre,
       listen_count as listens,
       round(100 * popularity_index, 2) as share_percent,
       mean_popularity,
       coalesce(most_popular_track_name, most_popular_track) as most_popular_track,
       most_popular_track_listens as its_listens
  from placed
 where place <= :top
 order by day, place
