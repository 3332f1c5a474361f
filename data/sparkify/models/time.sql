-- Each moment at which a play began, taken apart, in UTC. Weeks and weekdays as ISO 8601 counts them: Monday is 1.
select distinct
       started_at,
       extract(hour from started_at at time zone 'UTC')::integer as hour,
       extract(day from started_at at time zone 'UTC')::integer as day,
       extract(week from started_at at time zone 'UTC')::integer as week,
       extract(month from started_at at time zone 'UTC')::integer as month,
       extract(year from started_at at time zone 'UTC')::integer as year,
       extract(isodow from started_at at time zone 'UTC')::integer as weekday
  from sparkify.staging_events
 where page = 'NextSong'
   and started_at is not null
