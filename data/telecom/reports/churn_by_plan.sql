-- How many customers left, by the plans that they had. A customer has left whose churn is true; percent is the share
-- of the plans' customers who did.
select "international plan",
       "voice mail plan",
       count(*) as customers,
       count(*) filter (where has_left) as "left",
       round(100.0 * count(*) filter (where has_left) / count(*), 1) as percent
  from (
    -- A column of True and False is a boolean; one with True. and False., as some copies have it, is text.
    select "international plan", "voice mail plan", lower(btrim(churn::text)) like 't%' as has_left
      from public.telecom
  ) as customers
 group by "international plan", "voice mail plan"
 order by percent desc, "international plan", "voice mail plan"
