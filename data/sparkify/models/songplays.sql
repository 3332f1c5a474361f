-- One row for each song that began to play: the events of page NextSong. The same event in two files is one play, so
-- songplay_id is made of what tells one play from another.
-- Song and artist are found by title, artist name and duration, all three exactly as they are written; of several
-- songs that fit, the one with the least song_id. A play that fits none keeps what the event calls them.
with plays as (
  select distinct on (songplay_id) *
    from (
      select md5(
               jsonb_build_array(
                 extract(epoch from started_at), listener, session, item, song, artist, trim_scale(length)
               )::text
             )::uuid as songplay_id,
             written.*
        from (
          -- Numbers without the zeros that some files write behind them: 39.0 is the user 39.
          select regexp_replace(user_id, '^(\d+)\.0+$', '\1') as listener,
                 session_id::bigint as session,
                 item_in_session::integer as item,
                 staging_events.*
            from sparkify.staging_events
           where page = 'NextSong'
        ) as written
    ) as events
   order by songplay_id, _flatbed_file collate "C", _flatbed_row
),
library as (
  select distinct on (title, artist_name, duration) title, artist_name, duration, song_id, artist_id
    from sparkify.staging_songs
   where song_id is not null
   order by title, artist_name, duration, song_id collate "C", artist_id collate "C"
)
select plays.songplay_id,
       plays.started_at,
       plays.listener as user_id,
       plays.level,
       library.song_id,
       library.artist_id,
       plays.session as session_id,
       plays.item as item_in_session,
       plays.location,
       plays.user_agent,
       plays.song,
       plays.artist,
       plays.length
  from plays
  left join library
    on library.title = plays.song
   and library.artist_name = plays.artist
   and library.duration = plays.length
