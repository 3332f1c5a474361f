-- The songs that were played most often. A song is a title and an artist, as the events write them; one that the
-- song files have, with the same duration, has a song_id. Of equally many plays the first by title and artist.
-- :top integer = 10                    -- how many songs
-- :songs text = all | known            -- known: only plays whose song the files have
with counted as (
  select song, artist, count(*) as plays, count(distinct user_id) as listeners, min(song_id) as song_id
    from sparkify.songplays
   where :songs = 'all' or song_id is not null
   group by song, artist
)
select rank() over (order by plays desc) as rank, song, artist, plays, listeners, song_id
  from counted
 order by plays desc, song collate "C", artist collate "C"
 limit :top
