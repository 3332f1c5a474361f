-- Everybody who was logged in, as they were last seen: of two events the later one knows the level.
select distinct on (user_id)
       user_id,
       first_name,
       last_name,
       gender,
       level,
       to_timestamp(registration / 1000) as registered_at
  from sparkify.staging_events
 where user_id is not null
 order by user_id, started_at desc, session_id desc, item_in_session desc
