-- Listens and listeners by the country of the user.
-- listens: one user, one track, one second. listeners: users who listened. share_percent: of the listens here, in percent.
-- Users who are not among the users count as '(not in users)', those without a country as '(unknown)'.
-- :from timestamp = -infinity    -- listens at this moment or later
-- :to timestamp = infinity       -- listens before this moment
-- :min_age integer = 0           -- only users of this age, in years, or older; with 0 also those whose age nobody knows
with listens as (
  select distinct s.user_id, s.track_id, date_trunc('second', s.listen_time) as listen_time
    from music.streams as s
   where s.listen_time >= :from and s.listen_time < :to
),
counted as (
  select case when u.user_id is null then '(not in users)' else coalesce(u.user_country, '(unknown)') end as country,
         l.user_id
    from listens as l
    left join music.users as u on u.user_id = l.user_id
   where :min_age = 0 or u.user_age >= :min_age
)
select country,
       count(*) as listens,
       count(distinct user_id) as listeners,
       round(100 * count(*) / sum(count(*)) over (), 2) as share_percent
  from counted
 group by country
 order by listens desc, country collate "C"
