-- The rows of each table of sparkify, and how many of them are orphans: rows without the row they belong to.
-- What belongs to what is said in the last column.
select "table", rows, orphans, "an orphan is"
  from (
    select 1 as place,
           'staging_events' as "table",
           count(*) as rows,
           count(*) filter (
             where page = 'NextSong'
               and not exists (select from sparkify.songplays where songplays.started_at = staging_events.started_at)
           ) as orphans,
           'a NextSong event whose moment no play has' as "an orphan is"
      from sparkify.staging_events
    union all
    select 2, 'staging_songs', count(*),
           count(*) filter (
             where not exists (select from sparkify.songs where songs.song_id = staging_songs.song_id)
           ),
           'a song of the files that is not in songs'
      from sparkify.staging_songs
    union all
    select 3, 'songplays', count(*), count(*) filter (where song_id is null),
           'a play whose song the files do not have'
      from sparkify.songplays
    union all
    select 4, 'users', count(*),
           count(*) filter (
             where not exists (select from sparkify.songplays where songplays.user_id = users.user_id)
           ),
           'somebody who played nothing'
      from sparkify.users
    union all
    select 5, 'songs', count(*),
           count(*) filter (
             where not exists (select from sparkify.songplays where songplays.song_id = songs.song_id)
           ),
           'a song that was not played'
      from sparkify.songs
    union all
    select 6, 'artists', count(*),
           count(*) filter (
             where not exists (select from sparkify.songs where songs.artist_id = artists.artist_id)
           ),
           'an artist without a song'
      from sparkify.artists
    union all
    select 7, 'time', count(*),
           count(*) filter (
             where not exists (select from sparkify.songplays where songplays.started_at = "time".started_at)
           ),
           'a moment at which nothing was played'
      from sparkify."time"
  ) as counted
 order by place
