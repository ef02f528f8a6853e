import asyncio
import websockets


async def echo(websocket):
    async for message in websocket:
        await websocket.send(f"You said: {message}")


async def main():
    async with websockets.serve(echo, "localhost", 8765):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
