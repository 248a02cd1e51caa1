module Twice (twice) where

twice :: Integer -> Integer
twice = (2 *)
