import Control.Concurrent
import Control.Monad
import qualified Data.ByteString as B
import System.Exit
import Twice

main :: IO ()
main = do
    text <- getContents
    let mode : rest = words text
    case mode of
        "hello" -> putStrLn "hello"
        "sum" -> print (twice (sum (map read rest)))
        "exit" -> exitWith (ExitFailure 7)
        "memory" -> grow []
        "spin" -> spin 0
        "threads" -> do
            parts <- forM [1 .. 4 :: Int] $ \_ -> do
                part <- newEmptyMVar
                _ <- forkIO (putMVar part $! sum [0 .. 99 :: Int])
                return part
            totals <- mapM takeMVar parts
            print (sum totals)
        _ -> return ()

grow :: [B.ByteString] -> IO ()
grow kept = do
    let piece = B.replicate (1024 * 1024) (fromIntegral (length kept))
    when (B.last piece == 1 && length kept > 1000000) $ print (B.length (B.concat kept))
    grow (piece : kept)

spin :: Integer -> IO ()
spin i = when (i >= 0) (spin (i + 1))
